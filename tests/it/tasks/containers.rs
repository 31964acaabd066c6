//! Tasks in containers of images that are made here: nothing is fetched.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use super::{Kitchen, LIMIT, PROCESS, shell, status};
use crate::harness::{Outcome, run};

/// The last two blocks of the page on worker isolation, as they stand there.
const SEED: [&str; 2] = [
    "kestra:
  plugins:
    defaults:
    - type: io.kestra.plugin.core.log.Log
      values:
        level: ERROR
",
    "kestra:
  tasks:
    defaults:
      - type: io.kestra.plugin.scripts.shell.Commands
        forced: true
        values:
          containerImage: ubuntu:latest
          taskRunner:
            type: io.kestra.plugin.scripts.runner.docker.Docker
",
];

/// How podman works wherever these tests run: as root without further rights, with old control
/// groups, without a network, and with a storage that any file system holds.
const CONTAINERS: &str = "[containers]
default_ulimits = [\"nofile=1024:1024\", \"nproc=1024:1024\"]
netns = \"none\"
[engine]
runtime = \"runc\"
";

/// What an image for scripts has, taken from this machine with the libraries that it needs.
const PROGRAMS: [&str; 5] = ["/bin/sh", "/bin/cat", "/bin/sleep", "/usr/bin/env", "/usr/bin/id"];

/// Names the client, where these tests are to use another one than podman: `docker`, whose daemon
/// `DOCKER_HOST` names. The daemon's images are those of all tests, so they run one after another.
const CLIENT: &str = "RINGFENCE_TEST_CONTAINER_CLI";

/// The client of these tests.
pub(super) fn client() -> String {
    std::env::var(CLIENT).unwrap_or_else(|_| "podman".into())
}

/// A kitchen whose containers and images are its own.
pub(super) struct Yard {
    pub(super) kitchen: Kitchen,
    /// The images made for it.
    images: Mutex<Vec<String>>,
}

impl Yard {
    pub(super) fn new(policy: &str, tasks: &str) -> Self {
        let yard = Self { kitchen: Kitchen::new(policy, tasks), images: Mutex::default() };
        yard.kitchen.file("containers.conf", CONTAINERS);
        let storage = format!(
            "[storage]\ndriver = \"vfs\"\ngraphroot = \"{graph}\"\nrootless_storage_path = \"{graph}\"\nrunroot = \"{run}\"\n",
            graph = yard.kitchen.path("graph").display(),
            run = yard.kitchen.path("run").display()
        );
        yard.kitchen.file("storage.conf", &storage);
        yard
    }

    /// A yard with the seed's defaults and the image that they name.
    pub(super) fn seed(tasks: &str) -> Self {
        let yard = Self::new(&SEED.join("---\n"), tasks);
        yard.image("docker.io/library/ubuntu:latest", dynamic);
        yard
    }

    /// Makes an image of what `fill` puts into a directory.
    pub(super) fn image(&self, name: &str, fill: fn(&Path)) {
        self.image_with(name, &[], fill);
    }

    /// The same with words of the client's `import`.
    fn image_with(&self, name: &str, words: &[&str], fill: fn(&Path)) {
        let root = self.kitchen.path("root");
        for directory in ["bin", "etc", "tmp", "proc", "dev", "sys"] {
            fs::create_dir_all(root.join(directory)).expect("our own directory");
        }
        fs::write(root.join("etc/shadow"), "secret\n").expect("our own file");
        fs::write(root.join("etc/passwd"), "root:x:0:0::/:/bin/sh\n").expect("our own file");
        fill(&root);
        let archive = self.kitchen.path("root.tar");
        let mut tar = Command::new("tar");
        tar.arg("-C").arg(&root).arg("-cf").arg(&archive).arg(".");
        run(&mut tar, b"", LIMIT, "the archive").text();
        let archive = archive.to_str().expect("UTF-8");
        self.call(&[&["import"], words, &[archive, name]].concat());
        self.images.lock().expect("nobody panicked").push(name.to_owned());
        fs::remove_dir_all(root).expect("our own directory");
    }

    pub(super) fn environment<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        command.env("CONTAINERS_CONF", self.kitchen.path("containers.conf"));
        command.env("CONTAINERS_STORAGE_CONF", self.kitchen.path("storage.conf"));
        let kept = ["DOCKER_HOST", "HOME", "XDG_RUNTIME_DIR"];
        command.envs(kept.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
        command.envs(std::env::var_os(CLIENT).map(|name| ("RINGFENCE_CONTAINER_CLI", name)))
    }

    #[track_caller]
    fn call(&self, words: &[&str]) -> String {
        let mut command = Command::new(client());
        run(self.environment(&mut command).args(words), b"", LIMIT, "the client").text().to_owned()
    }

    fn command(&self) -> Command {
        let mut command = self.kitchen.command();
        self.environment(&mut command);
        command.arg("flow.yaml");
        command
    }

    #[track_caller]
    fn run(&self, words: &[&str]) -> Outcome {
        run(self.command().args(words), b"", LIMIT, "the end of the task")
    }

    #[track_caller]
    pub(super) fn assert_nothing_is_left(&self) {
        assert_eq!(self.call(&["ps", "--all", "--quiet"]), "", "a container is left");
        self.kitchen.assert_no_room_is_left();
    }
}

impl Drop for Yard {
    fn drop(&mut self) {
        // A storage of its own goes with the kitchen.
        if client() != "podman" {
            let images = self.images.get_mut().unwrap_or_else(PoisonError::into_inner);
            for image in std::mem::take(images) {
                let mut command = Command::new(client());
                let removal = self.environment(&mut command).args(["rmi", "--force", &image]);
                // The next one of the same name replaces it in any case.
                let _ = removal.stdout(Stdio::null()).stderr(Stdio::null()).status();
            }
        }
    }
}

/// Programs of this machine's libc, and two that cannot be started: a text that names no interpreter, and one that names
/// an interpreter that is not there.
pub(super) fn dynamic(root: &Path) {
    for (name, text) in [("text", "echo ran\n"), ("alone", "#!/bin/none\n")] {
        let path = root.join("bin").join(name);
        fs::write(&path, text).expect("our own file");
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("our own file");
    }
    for program in PROGRAMS {
        let name = Path::new(program).file_name().expect("a name");
        fs::copy(program, root.join("bin").join(name)).expect("copied");
        let mut ldd = Command::new("ldd");
        let needs = run(ldd.arg(program), b"", LIMIT, "ldd");
        for library in needs.text().split_whitespace().filter(|word| word.starts_with('/')) {
            let to = root.join(&library[1..]);
            fs::create_dir_all(to.parent().expect("a directory")).expect("our own directory");
            fs::copy(library, to).expect("copied");
        }
    }
}

/// One static program, which no library can be loaded into.
fn fixed(root: &Path) {
    fs::copy("/bin/busybox", root.join("bin/busybox")).expect("copied");
    for name in ["sh", "cat", "sleep", "env", "id"] {
        symlink("busybox", root.join("bin").join(name)).expect("our own link");
    }
}

/// A task whose author asks for a local process, with further properties.
fn task(properties: &str, commands: &[&str]) -> String {
    shell("one", properties, commands)
}

/// A task with a runner of its own in a container.
fn own(runner: &str, commands: &[&str]) -> String {
    let runner = format!(
        "{{type: io.kestra.plugin.scripts.runner.docker.Docker, pullPolicy: NEVER{runner}}}"
    );
    let image = "containerImage: localhost/own:1";
    task(image, commands).replace(PROCESS, &runner)
}

#[test]
fn the_seeds_defaults_put_a_task_that_asks_for_a_process_into_a_container() {
    let yard = Yard::seed(&task("env: {OWN: '1'}", &["cat /etc/passwd; echo $OWN $PWD", "exit 3"]));
    let outcome = yard.run(&[]);
    assert_eq!(status(&outcome), 3, "{outcome:#?}");
    assert_eq!(outcome.stdout, "root:x:0:0::/:/bin/sh\n1 /ringfence/work\n");
    for line in [
        "ringfence: task one: io.kestra.plugin.scripts.shell.Commands, a container of ubuntu:latest by CLIENT, fenced",
        "ringfence: task one: `tasks[0].taskRunner.type` is forced by policy.yaml:11:9",
        "ringfence: task one: `tasks[0].containerImage` is forced by policy.yaml:11:9",
    ] {
        let line = line.replace("CLIENT", &client());
        assert!(outcome.stderr.lines().any(|found| found == line), "{line}: {}", outcome.stderr);
    }
    yard.assert_nothing_is_left();
}

#[test]
fn a_task_that_is_not_covered_runs_locally_and_fenced() {
    let local = format!(
        "  - {{id: one, type: io.kestra.plugin.scripts.python.Commands, taskRunner: {PROCESS}, \
         commands: ['cat /etc/shadow 2>/dev/null || echo refused', 'cat /etc/passwd > copy && echo read']}}\n"
    );
    let yard = Yard::seed(&local);
    assert_eq!(yard.run(&["-q"]).text(), "refused\nread");
}

#[test]
fn the_fence_holds_in_the_container() {
    let commands =
        ["cat /etc/shadow 2>/dev/null || echo refused", "cat /etc/passwd >/dev/null && echo read"];
    let yard = Yard::seed(&task("", &commands));
    assert_eq!(yard.run(&["-q"]).text(), "refused\nread");
    let open = yard.run(&["--mode", "off"]);
    assert_eq!(open.text(), "secret\nread", "the control");
    assert!(open.stderr.contains(", WITHOUT a fence: the mode is off\n"), "{}", open.stderr);
}

#[test]
fn an_image_that_does_not_load_the_shim_is_said_to_once() {
    let yard = Yard::new(SEED[0], &own("", &["cat /etc/shadow; exit 3"]));
    yard.image("localhost/own:1", fixed);
    let outcome = yard.run(&[]);
    assert_eq!((status(&outcome), outcome.stdout.as_str()), (3, "secret\n"), "{outcome:#?}");
    assert_eq!(outcome.stderr.matches("without the shim").count(), 1, "{}", outcome.stderr);
    yard.assert_nothing_is_left();
}

#[test]
fn files_go_in_and_out() {
    let files = "inputFiles: {in.txt: given}\noutputFiles: [out.txt]";
    let yard = Yard::seed(&task(files, &["cat in.txt > out.txt; echo ' back' >> out.txt"]));
    yard.run(&["-q", "--output", "kept"]).text();
    let kept = fs::read_to_string(yard.kitchen.path("kept/out.txt")).expect("kept");
    assert_eq!(kept, "given back\n");
    yard.assert_nothing_is_left();
}

#[test]
fn a_container_is_made_as_its_runner_says() {
    let runner = ", user: '7', networkMode: none, entryPoint: [/bin/env, ENTERED=1], extraHosts: ['somewhere:10.1.2.3'], \
                  cpu: {cpus: 1}, memory: {memory: 64MB}, shmSize: 2m, env: {RUNNER: '1'}";
    let commands = ["id -u; echo $ENTERED $RUNNER; cat /etc/hosts; echo x > written"];
    let yard = Yard::new(SEED[0], &own(runner, &commands));
    yard.image("localhost/own:1", dynamic);
    let outcome = yard.run(&["-q"]);
    let text = outcome.text();
    assert!(text.starts_with("7\n1 1\n"), "{text}");
    assert!(
        text.lines().any(|line| line.starts_with("10.1.2.3") && line.ends_with("somewhere")),
        "{text}"
    );
    yard.assert_nothing_is_left();
}

/// The image says who runs in it, and the directory is that user's too.
#[test]
fn the_working_directory_is_the_images_own_users_too() {
    let yard = Yard::new(
        SEED[0],
        &own("", &["id -u; echo x > written; cat written in"])
            .replace("    commands", "    inputFiles: {in: given}\n    commands"),
    );
    yard.image_with("localhost/own:1", &["--change", "USER 7"], dynamic);
    assert_eq!(yard.run(&["-q"]).text(), "7\nx\ngiven");
    yard.assert_nothing_is_left();
}

/// Such a library would be loaded before the shim.
#[test]
fn an_audit_library_is_not_passed_on_into_a_fence() {
    let yard = Yard::seed(&task("env: {LD_AUDIT: /x.so, KEPT: '1'}", &["echo $LD_AUDIT$KEPT"]));
    assert_eq!(yard.run(&["-q"]).text(), "1");
    assert_eq!(yard.run(&["-q", "--mode", "off"]).text(), "/x.so1", "the control");
}

#[test]
fn values_that_a_file_of_variables_cannot_hold_arrive_too() {
    let yard = Yard::seed(&task(
        "env: {TWO: \"a\\nb\", SHARP: '#x', EMPTY: ''}",
        &["echo \"$TWO$SHARP${EMPTY-none}\""],
    ));
    assert_eq!(yard.run(&["-q"]).text(), "a\nb#x");
}

/// The client works in our environment: what a flow sets does not reach it.
#[test]
fn a_tasks_variables_do_not_configure_the_client() {
    let yard = Yard::seed(&task(
        "env: {CONTAINERS_CONF: /nonexistent, PATH: /bin}",
        &["echo $CONTAINERS_CONF"],
    ));
    assert_eq!(yard.run(&["-q"]).text(), "/nonexistent");
}

#[test]
fn a_time_limit_ends_the_container() {
    let yard = Yard::seed(&task("timeout: PT5S", &["echo begun", "sleep 1000"]));
    let outcome = yard.run(&["-q"]);
    assert_eq!((status(&outcome), outcome.stdout.as_str()), (124, "begun\n"), "{outcome:#?}");
    yard.assert_nothing_is_left();
}

#[test]
fn a_signal_ends_the_container() {
    let yard = Yard::seed(&task("", &["echo begun", "sleep 1000"]));
    let mut command = yard.command();
    let mut child = command.arg("-q").stdout(Stdio::piped()).spawn().expect("it starts");
    let mut line = String::new();
    let mut out = BufReader::new(child.stdout.take().expect("piped"));
    out.read_line(&mut line).expect("a line");
    assert_eq!(line, "begun\n");
    let kill = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(kill.expect("kill runs").success());
    assert_eq!(child.wait().expect("our own child").code(), Some(130));
    yard.assert_nothing_is_left();
}

#[test]
fn a_container_that_fails_is_tried_again() {
    let retry = "retry: {type: constant, interval: PT0.01S, maxAttempts: 2}";
    let yard = Yard::seed(&task(retry, &["echo try; exit 4"]));
    let outcome = yard.run(&["-q"]);
    assert_eq!((status(&outcome), outcome.stdout.as_str()), (4, "try\ntry\n"));
    yard.assert_nothing_is_left();
}

#[test]
fn what_is_missing_is_named_and_nothing_else_is_run() {
    let forced = |properties: &str, commands: &[&str]| Yard::seed(&task(properties, commands));
    // The image.
    let yard = Yard::new(SEED[0], &own("", &["echo ran"]));
    let outcome = yard.run(&["-q"]);
    assert_eq!((status(&outcome), outcome.stdout.as_str()), (125, ""), "{outcome:#?}");
    assert!(outcome.stderr.contains("RF411"), "{outcome:#?}");
    assert!(outcome.stderr.contains("`localhost/own:1`"), "{outcome:#?}");
    yard.assert_nothing_is_left();
    // The interpreter: it is not there, or it is no program.
    for (program, expected, words) in [
        ("/bin/none", 127, "`/bin/none` was not found in the image `ubuntu:latest`"),
        ("none", 127, "`none` was not found in the image `ubuntu:latest`"),
        ("/etc/passwd", 126, "`/etc/passwd` of the image `ubuntu:latest` cannot be started"),
        // These are found out about only once the container is started.
        ("/bin/text", 126, "`/bin/text` of the image `ubuntu:latest` cannot be started"),
        ("/bin/alone", 127, "`/bin/alone` was not found in the image `ubuntu:latest`"),
    ] {
        let yard = forced(&format!("interpreter: [{program}, -c]"), &["echo ran"]);
        let outcome = yard.run(&["-q"]);
        assert_eq!((status(&outcome), outcome.stdout.as_str()), (expected, ""), "{outcome:#?}");
        assert!(outcome.stderr.contains(words), "{outcome:#?}");
        yard.assert_nothing_is_left();
    }
    // The runner itself: a forced one never becomes a local process.
    for client in ["/nonexistent/podman", "/bin/false"] {
        let outcome =
            run(yard.command().env("RINGFENCE_CONTAINER_CLI", client), b"", LIMIT, "the refusal");
        assert_eq!((status(&outcome), outcome.stdout.as_str()), (125, ""), "{outcome:#?}");
        assert!(outcome.stderr.contains("RF411"), "{outcome:#?}");
        yard.assert_nothing_is_left();
    }
    let mut command = yard.command();
    command.env("PATH", yard.kitchen.path("tmp")).env_remove("RINGFENCE_CONTAINER_CLI");
    let outcome = run(&mut command, b"", LIMIT, "the refusal");
    assert_eq!(status(&outcome), 125, "{outcome:#?}");
    assert!(outcome.stderr.contains("neither podman nor docker"), "{outcome:#?}");
}

#[test]
fn a_volume_of_the_authors_does_not_show_what_is_forbidden() {
    for volume in ["/etc:/mnt", "/:/mnt", "/etc/shadow:/mnt"] {
        let yard =
            Yard::new(SEED[0], &own(&format!(", volumes: ['{volume}']"), &["cat /mnt/shadow"]));
        yard.image("localhost/own:1", fixed);
        let outcome = yard.run(&["-q"]);
        assert_eq!((status(&outcome), outcome.stdout.as_str()), (125, ""), "{outcome:#?}");
        assert!(outcome.stderr.contains("would show what the policy forbids"), "{outcome:#?}");
    }
    let yard = Yard::new(SEED[0], "");
    fs::create_dir(yard.kitchen.path("shown")).expect("our own directory");
    yard.kitchen.file("shown/file", "seen\n");
    let volume = format!(", volumes: ['{}:/mnt:ro']", yard.kitchen.path("shown").display());
    yard.kitchen.file("flow.yaml", &format!("tasks:\n{}", own(&volume, &["cat /mnt/file"])));
    yard.image("localhost/own:1", fixed);
    assert_eq!(yard.run(&["-q"]).text(), "seen", "the control");
}

#[test]
fn the_author_of_a_flow_does_not_take_back_what_a_forced_container_is_for() {
    let runner = "{type: io.kestra.plugin.scripts.runner.docker.Docker, privileged: true}";
    let yard = Yard::seed(&task("", &["echo ran"]).replace(PROCESS, runner));
    // The runner is the author's own, whose type the policy forces to what it is already.
    let outcome = yard.run(&["-q"]);
    assert_eq!((status(&outcome), outcome.stdout.as_str()), (125, ""), "{outcome:#?}");
    assert!(outcome.stderr.contains("`taskRunner.privileged`"), "{outcome:#?}");
}
