//! Where policies come from, includes, limits and the lints that look at the disk.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::harness::{show, world};
use crate::read::document::Document;
use crate::read::mistakes::Mistakes;
use crate::read::world::World;
use crate::read::{self, lints};

/// A directory of its own, removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("ringfence-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).expect("a directory");
        // The temporary directory itself may be reached by a link.
        Self(path.canonicalize().expect("a path"))
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(&path, text).expect("written");
        path
    }

    /// Messages with the directory's name taken out.
    fn show(&self, mistakes: &Mistakes) -> String {
        show(mistakes).replace(&format!("{}", self.0.display()), "DIR")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed stays; it is in the temporary directory.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn load(path: &Path) -> Result<Document, Mistakes> {
    read::load(&[path.into()], &world(""))
}

fn forbid(path: &str) -> String {
    format!("ringfence: {{version: 1, files: {{forbidden: [{path}]}}}}\n")
}

fn patterns(document: &Document) -> Vec<&str> {
    document.rules.iter().map(|rule| rule.pattern.as_str()).collect()
}

fn with(variables: &[(&str, &str)]) -> World {
    let variables = variables.iter().map(|(name, value)| (name.into(), value.into()));
    World { variables: variables.collect(), ..World::default() }
}

#[test]
fn a_directory_is_all_its_yaml_files_in_order() {
    let scratch = Scratch::new("directory");
    scratch.write("b.yaml", &forbid("/b"));
    scratch.write("a.yml", &forbid("/a"));
    scratch.write(".hidden.yaml", "not a policy");
    scratch.write("notes.txt", "not a policy");
    let document = load(&scratch.0).expect("a policy");
    assert_eq!(patterns(&document), ["/a", "/b"]);
    assert_eq!(document.sources.len(), 2);
}

#[test]
fn rf012_a_directory_without_policies() {
    let scratch = Scratch::new("empty");
    let mistakes = load(&scratch.0).expect_err("no policy");
    assert_eq!(
        scratch.show(&mistakes),
        "error[RF012]: no `*.yaml` in the directory `DIR`\n  \
         = help: a policy of no files would protect nothing"
    );
}

#[test]
fn rf010_a_file_that_cannot_be_read() {
    let scratch = Scratch::new("unreadable");
    let mistakes = load(&scratch.0.join("none.yaml")).expect_err("no policy");
    assert_eq!(
        scratch.show(&mistakes),
        "error[RF010]: cannot read `DIR/none.yaml`: no such file or directory"
    );
}

#[test]
fn rf011_a_variable_that_holds_no_policy() {
    for variables in [&[][..], &[("P", "")]] {
        let mistakes = read::load(&["env:P".into()], &with(variables)).expect_err("no policy");
        assert_eq!(
            show(&mistakes),
            "error[RF011]: environment variable `P` holds no policy\n  \
             = help: `env:P` takes the text of a policy from `P`"
        );
    }
    let policy = forbid("/a");
    let document = read::load(&["env:P".into()], &with(&[("P", &policy)])).expect("a policy");
    assert_eq!(patterns(&document), ["/a"]);
}

#[test]
fn micronaut_is_what_a_kestra_worker_reads() {
    let scratch = Scratch::new("micronaut");
    let one = scratch.write("one.yml", "kestra.ee.javaSecurity.enabled: true\n");
    let two = scratch.write("two.yml", "kestra.ee.javaSecurity: {forbiddenPaths: [/srv/]}\n");
    let other = scratch.write("other.yml", "datasources: {}\n");
    let text = "kestra.ee.javaSecurity: {enabled: true, forbiddenPaths: [/etc/]}\n";
    let list = format!("{}, file:{},{}", one.display(), two.display(), other.display());
    let files = ("MICRONAUT_CONFIG_FILES", list.as_str());
    let read = |variables: &[(&str, &str)]| read::load(&["micronaut".into()], &with(variables));
    // The files are one configuration: `enabled` of one holds for the paths of the next.
    assert_eq!(patterns(&read(&[files]).expect("a policy")), ["/srv/"]);
    // The text replaces the files.
    let both = read(&[("KESTRA_CONFIGURATION", text), files]).expect("a policy");
    assert_eq!(patterns(&both), ["/etc/"]);
    assert_eq!(
        show(&read(&[]).expect_err("nothing is set")),
        "error[RF011]: neither KESTRA_CONFIGURATION nor MICRONAUT_CONFIG_FILES is set\n  \
         = help: `micronaut` reads what a Kestra worker itself will read; name a file instead"
    );
    let properties = read(&[("MICRONAUT_CONFIG_FILES", "/x.properties")]);
    assert_eq!(
        show(&properties.expect_err("no YAML")),
        "error[RF010]: `/x.properties` of MICRONAUT_CONFIG_FILES is no YAML file\n  \
         = help: ringfence reads `*.yaml`, `*.yml` and `*.json`"
    );
    let foreign = read(&[("MICRONAUT_CONFIG_FILES", &other.display().to_string())]);
    assert!(scratch.show(&foreign.expect_err("no root")).starts_with("error[RF107]: "));
}

#[test]
fn several_sources_add_up_and_the_strictest_mode_wins() {
    let scratch = Scratch::new("several");
    let one =
        scratch.write("a.yaml", "ringfence: {version: 1, mode: audit, files: {forbidden: [/a]}}");
    let two =
        scratch.write("b.yaml", "ringfence: {version: 1, mode: enforce, files: {forbidden: [/b]}}");
    let document = read::load(&[one.into(), two.into()], &world("")).expect("a policy");
    assert_eq!(patterns(&document), ["/a", "/b"]);
    assert_eq!(document.mode, Some(crate::cli::Mode::Enforce));
    // Both rules are the first of their list; their ids differ all the same.
    assert_ne!(document.rules[0].id, document.rules[1].id);
}

#[test]
fn includes_are_sorted_relative_to_their_file_and_read_once() {
    let scratch = Scratch::new("include");
    let main = scratch.write(
        "main.yaml",
        "ringfence: {version: 1, include: ['conf.d/*.yaml', conf.d/b.yaml], files: {forbidden: [/m]}}",
    );
    scratch.write("conf.d/b.yaml", &forbid("/b"));
    scratch.write("conf.d/a.yaml", &forbid("/a"));
    scratch.write("conf.d/.c.yaml", &forbid("/hidden"));
    assert_eq!(patterns(&load(&main).expect("a policy")), ["/m", "/a", "/b"]);
}

#[test]
fn rf110_a_text_without_a_directory_includes_absolute_paths() {
    let text = "ringfence: {version: 1, include: [a.yaml], files: {forbidden: [/m]}}";
    let mistakes = read::load(&["env:P".into()], &with(&[("P", text)])).expect_err("relative");
    assert!(show(&mistakes).starts_with("error[RF110]: `a.yaml` is relative to no file"));
}

#[test]
fn without_a_source_the_variable_is_asked() {
    let scratch = Scratch::new("variable");
    let file = scratch.write("p.yaml", &forbid("/a"));
    let named = with(&[("RINGFENCE_POLICY", &file.display().to_string())]);
    assert_eq!(patterns(&read::load(&[], &named).expect("a policy")), ["/a"]);
}

#[test]
fn rf305_and_rf307_look_at_the_disk() {
    let scratch = Scratch::new("lints");
    let there = scratch.write("there", "");
    scratch.write("..data/application.yml", "");
    let link = scratch.0.join("application.yml");
    symlink("..data/application.yml", &link).expect("a link");
    let none = scratch.0.join("none");
    let list = format!("{}, {}, {}", there.display(), link.display(), none.display());
    let policy = scratch.write("p.yaml", &forbid(&list));
    let document = load(&policy).expect("a policy");
    let found = lints::on_disk(&document);
    let lines: Vec<_> = found.iter().map(|mistake| (mistake.code, mistake.at.clone())).collect();
    assert_eq!(lines.len(), 2, "{}", scratch.show(&found));
    let text = scratch.show(&found);
    assert!(text.contains("warning[RF307]: `DIR/application.yml` is reached by a link"), "{text}");
    assert!(text.contains("forbid the directory `DIR/`"), "{text}");
    assert!(text.contains("warning[RF305]: `DIR/none` does not exist here"), "{text}");
}

#[test]
fn an_endless_source_is_refused_and_a_large_policy_is_read() {
    let start = Instant::now();
    let mistakes = load(Path::new("/dev/zero")).expect_err("no policy");
    assert!(show(&mistakes).starts_with("error[RF004]: `/dev/zero` is larger than 16 MiB"));

    let mut text = "ringfence:\n  version: 1\n  files:\n    forbidden:\n".to_owned();
    for rule in 0..100_000 {
        text += &format!("      - {{path: /srv/d{rule}/, id: r{rule}}}\n");
    }
    let document = read::load(&["env:P".into()], &with(&[("P", &text)])).expect("a policy");
    assert_eq!(document.rules.len(), 100_000);
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
}
