//! Exceptions for certain callers: the host's own in native programs, and what is left of them in the
//! programs that somebody starts.

use crate::harness::{Fence, Rules, Scratch, fixture};
use crate::programs::PYTHON;

/// A directory that is forbidden but for some callers, and a twin of its file beside it.
struct Place {
    scratch: Scratch,
}

impl Place {
    fn new() -> Self {
        let scratch = Scratch::empty();
        scratch.directory("closed");
        scratch.directory("open");
        for name in ["closed/worker.yml", "closed/other.yml", "open/worker.yml"] {
            scratch.file(name, "secret: 1\n");
        }
        Self { scratch }
    }

    fn text(&self, name: &str) -> String {
        self.scratch.text(name)
    }

    /// The file is there for reading, for these callers only.
    fn rules(&self, callers: &[&str]) -> Rules {
        let file = self.text("closed/worker.yml");
        Rules::new().forbid(self.text("closed")).allow_for(callers, file, &["read"])
    }
}

/// What `opener` prints for each of these.
#[track_caller]
fn lines(fence: &Fence, path: &str, words: &[&str]) -> Vec<String> {
    let library = fixture("libopener.so");
    let library = library.to_str().expect("UTF-8");
    let outcome = fence.run(fixture("opener"), [&[library, path], words].concat());
    outcome.text().lines().map(str::to_owned).collect()
}

/// Fails unless each of these has the file, and each of those has not.
#[track_caller]
fn expect(fence: &Fence, path: &str, have: &[&str], have_not: &[&str]) {
    let ok = have.iter().map(|who| format!("{who} ok"));
    let refused = have_not.iter().map(|who| format!("{who} EACCES"));
    let expected: Vec<String> = ok.chain(refused).collect();
    assert_eq!(lines(fence, path, &[have, have_not].concat()), expected, "{path}");
}

/// Every way to read a file, and to have a program read it.
const WAYS: [&str; 15] = [
    "open",
    "openat",
    "number",
    "stat",
    "access",
    "fopen",
    "system",
    "popen",
    "spawn",
    "spawn-bare",
    "spawn-forged",
    "spawn-action",
    "vfork",
    "fork",
    "forked",
];

fn by(who: &str) -> Vec<String> {
    WAYS.iter().map(|way| format!("{who}:{way}")).collect()
}

fn strs(words: &[String]) -> Vec<&str> {
    words.iter().map(String::as_str).collect()
}

#[test]
fn the_program_has_what_is_for_the_host_in_every_way_and_a_library_in_none() {
    let place = Place::new();
    let fence = Fence::by_launcher(&place.rules(&["host"]));
    let (own, vendor) = (by("own"), by("vendor"));
    expect(&fence, &place.text("closed/worker.yml"), &strs(&own), &strs(&vendor));
    let both = [own.clone(), vendor.clone()].concat();
    expect(&fence, &place.text("closed/other.yml"), &[], &strs(&both));
    expect(&fence, &place.text("open/worker.yml"), &strs(&both), &[]);
}

#[test]
fn who_is_on_the_stack_or_made_the_thread_counts() {
    let place = Place::new();
    let fence = Fence::by_launcher(&place.rules(&["host"]));
    let have = ["own:open", "sorted:open", "thread:open", "thread:system"];
    let have_not = [
        "vendor:open",
        "back:open",
        "back:system",
        "lent:open",
        "lent:spawn",
        "nested:open",
        "nested:forked",
        "handler:open",
        "generated:open",
        "own:write",
        "own:chmod",
        "own:link",
    ];
    expect(&fence, &place.text("closed/worker.yml"), &have, &have_not);
    let all = [&have[..], &have_not[..have_not.len() - 1]].concat();
    expect(&fence, &place.text("open/worker.yml"), &all, &[]);
}

/// A library that is named has the file wherever everybody else that has a part in it is named too;
/// the programs that it starts do not.
#[test]
fn a_library_that_is_named_has_it_and_the_host_alone_does_not() {
    let place = Place::new();
    let file = place.text("closed/worker.yml");
    let path = fixture("libopener.so");
    let path = format!("native:{}", path.canonicalize().expect("it is there").display());
    for name in ["native:libreport.so.2", "native:libopener.so", &path] {
        let fence = Fence::by_launcher(&place.rules(&[name]));
        let have = ["vendor:open", "back:open", "lent:open", "nested:open", "vendor:forked"];
        let have_not =
            ["own:open", "thread:open", "vendor:system", "vendor:spawn", "generated:open"];
        expect(&fence, &file, &have, &have_not);
    }
    let fence = Fence::by_launcher(&place.rules(&["host", "native:libreport.so.2"]));
    expect(&fence, &file, &["own:open", "vendor:open", "own:system"], &["vendor:system"]);
    let fence = Fence::by_launcher(&place.rules(&["native:libreport.so.3"]));
    expect(&fence, &file, &[], &["own:open", "vendor:open"]);
}

/// A directory: everything in it, for changing too; and no descriptor of it is of use to others.
#[test]
fn a_directory_is_the_host_s_with_all_that_is_in_it() {
    let place = Place::new();
    place.scratch.directory("closed/own");
    place.scratch.file("closed/own/file", "secret");
    let own = place.text("closed/own");
    let fence = Fence::by_launcher(&Rules::new().forbid(place.text("closed")).allow_for(
        &["host"],
        &own,
        &[],
    ));
    expect(&fence, &own, &["own:list", "own:make"], &["vendor:list", "vendor:make"]);
    let file = format!("{own}/file");
    expect(
        &fence,
        &file,
        &["own:open", "own:write", "own:chmod"],
        &["vendor:write", "vendor:chmod"],
    );
    // Out of there nothing is moved or linked: it would be everybody's.
    expect(&fence, &file, &["own:link"], &["vendor:link"]);
    let out = fence.run("/bin/ln", [&file, &place.text("open/out")]);
    assert_eq!((out.status.code(), place.scratch.path("open/out").exists()), (Some(1), false));
}

/// A start script and what it becomes are the host; so is a program that gets no environment.
#[test]
fn what_the_host_starts_is_the_host() {
    let place = Place::new();
    let fence = Fence::by_launcher(&place.rules(&["host"]));
    let (file, other) = (place.text("closed/worker.yml"), place.text("closed/other.yml"));
    for script in
        ["cat < $1", "cat $1", "exec env -i /bin/cat $1", "exec sh -c 'exec cat '$1", "(cat $1)"]
    {
        let read = |path: &str| fence.run("/bin/bash", ["-c", script, "bash", path]);
        assert_eq!(read(&file).text(), "secret: 1", "{script}");
        assert!(!read(&other).status.success(), "{script}: the control");
    }
}

/// Whose code an interpreter runs its own frames do not say; Python's are read, Perl is one caller.
#[test]
fn what_an_interpreter_was_started_with_is_the_host() {
    let place = Place::new();
    let fence = Fence::by_launcher(&place.rules(&["host"]));
    let python = ["-c", "import sys; print(open(sys.argv[1]).read())"];
    let perl = ["-e", "open(my $file, '<', $ARGV[0]) or die $!; print <$file>"];
    for (program, words) in [(PYTHON, python), ("/usr/bin/perl", perl)] {
        let read = |path: &str| fence.run(program, [&words[..], &[path]].concat());
        assert!(read(&place.text("closed/worker.yml")).text().contains("secret"), "{program}");
        let other = read(&place.text("closed/other.yml"));
        assert!(other.stderr.contains("ermission denied"), "{program}: {other:#?}");
    }
}

/// Who was not started by a launcher, or is said by a task to be the host, is not.
#[test]
fn without_the_launcher_s_word_nobody_is_the_host() {
    let place = Place::new();
    let rules = place.rules(&["host"]);
    let file = place.text("closed/worker.yml");
    expect(&Fence::by_hand(&rules), &file, &[], &["own:open", "own:system", "own:spawn-forged"]);
    let word = Fence::by_hand(&rules);
    let mut cat = word.command("/bin/cat");
    cat.arg(&file).env("RINGFENCE_HOST", "1");
    assert_eq!(word.finish(&mut cat).text(), "secret: 1", "the control");
}
