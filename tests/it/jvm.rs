//! Real JVMs under the worker isolation page's first configuration block: every way of Java's to a
//! forbidden file is refused, and a worker's own work goes on; however the JVM was started.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::harness::{Fence, Outcome, Scratch, fixture};
use crate::outcomes::{Came, expect_each, outcomes};
use crate::programs::{PYTHON, isolation, isolation_with, java_home};

/// A JVM beside other tests on two cores takes its time.
const LIMIT: Duration = Duration::from_secs(180);

/// Who starts the JVM.
#[derive(Clone, Copy)]
enum Starter {
    Itself,
    Shell,
    Python,
}

/// A Java home and the way in which its JVM is started.
struct Jvm {
    home: PathBuf,
    starter: Starter,
    options: &'static [&'static str],
    /// Holds the shell script.
    scratch: Scratch,
}

impl Jvm {
    fn new(major: u32, starter: Starter) -> Self {
        Self { home: java_home(major), starter, options: &[], scratch: Scratch::new() }
    }

    /// The command that comes to run `java`, all but its arguments.
    fn command(&self, fence: &Fence) -> Command {
        let java = self.home.join("bin/java");
        match self.starter {
            Starter::Itself => fence.command(java),
            Starter::Shell => {
                let text =
                    "#!/bin/sh\nset -e\necho starting >&2\nexec \"$JAVA_HOME/bin/java\" \"$@\"\n";
                let script = self.scratch.file("worker.sh", text);
                fs::set_permissions(&script, Permissions::from_mode(0o755)).expect("our own file");
                fence.command(script)
            }
            Starter::Python => {
                let mut python = fence.command(PYTHON);
                python.arg("-c").arg(
                    "import subprocess, sys; sys.exit(subprocess.run(sys.argv[1:]).returncode)",
                );
                python.arg(java);
                python
            }
        }
    }

    /// Runs a class of the fixtures to its end.
    #[track_caller]
    fn run(&self, fence: &Fence, class: &str, arguments: &[&Path]) -> Outcome {
        let mut command = self.command(fence);
        command.env("JAVA_HOME", &self.home).args(self.options);
        command.arg("-cp").arg(fixture("java")).arg(class).args(arguments);
        fence.finish_with(&mut command, b"", LIMIT, "the end of the JVM")
    }

    /// Runs every way to a text, an archive and a shared library.
    #[track_caller]
    fn ways(&self, fence: &Fence, text: &Path, archive: &Path, library: &Path) -> Outcome {
        let scratch = Scratch::new();
        self.run(fence, "Ways", &[text, archive, library, &scratch.directory("empty")])
    }

    #[track_caller]
    fn ways_to_files_in(&self, fence: &Fence, directory: &Path) -> Outcome {
        let [text, archive, library] =
            ["text", "a.jar", "liba.so"].map(|name| directory.join(name));
        self.ways(fence, &text, &archive, &library)
    }
}

/// Plants a text, an archive and a library in a directory.
fn plant(directory: &Path) {
    fs::write(directory.join("text"), "twin=content\n").expect("our own directory");
    fs::write(directory.join("entry"), "entry\n").expect("our own directory");
    fs::copy(fixture("libempty.so"), directory.join("liba.so")).expect("our own directory");
    let status = Command::new(PYTHON)
        .args(["-m", "zipfile", "-c", "a.jar", "entry"])
        .current_dir(directory)
        .status();
    assert!(status.expect("python3 runs").success());
}

/// Whether a way came out as a refusal does in Java.
fn refused(way: &str, came: &Came) -> bool {
    match way {
        "File.exists" | "File.isFile" | "File.canRead" | "File.lastModified" | "Files.exists"
        | "Files.isReadable" => came.got("false"),
        "File.length" => came.got("0"),
        "File.list" | "File.listFiles" | "URLClassLoader" | "URLClassLoader directory" => {
            came.got("null")
        }
        // By text where the file cannot be seen.
        "getCanonicalPath" => matches!(came, Came::Got(path) if path.starts_with('/')),
        "System.load" => {
            came.threw(&["java.lang.UnsatisfiedLinkError"]) && !came.failed_saying("ELF")
        }
        // Not java.nio's: they give the errno's message and no class of their own.
        "File.createNewFile"
        | "File.createTempFile"
        | "ProcessBuilder.directory"
        | "ProcessBuilder.redirectInput" => {
            came.threw(&["java.io.IOException"]) && came.failed_saying("ermission denied")
        }
        // The child is the one refused.
        "Runtime.exec"
        | "ProcessBuilder, empty environment"
        | "ProcessBuilder, LD_PRELOAD emptied" => {
            came.failed_saying("status") && came.failed_saying("ermission denied")
        }
        _ => came.threw(&["java.nio.file.AccessDeniedException", "java.io.FileNotFoundException"]),
    }
}

/// Fails unless `/etc/passwd` is refused in every way, a file of the worker's own in none, and the
/// runtime works as it does without a fence.
#[track_caller]
fn expect_fenced(jvm: &Jvm) {
    let fence = isolation();
    let passwd = Path::new("/etc/passwd");
    expect_each(&jvm.ways(&fence, passwd, passwd, passwd), refused);

    let scratch = Scratch::new();
    let own = scratch.directory("own");
    plant(&own);
    let open = jvm.ways_to_files_in(&Fence::open(), &own);
    expect_each(&open, |_, came| matches!(came, Came::Got(_)));
    assert_eq!(outcomes(&jvm.ways_to_files_in(&fence, &own)), outcomes(&open));
    expect_healthy(jvm, &fence);
}

#[track_caller]
fn expect_healthy(jvm: &Jvm, fence: &Fence) {
    let scratch = Scratch::new();
    let open = jvm.run(&Fence::open(), "Health", &[&scratch.path("open")]);
    assert!(!open.text().contains("failed:"), "works without a fence: {open:#?}");
    let fenced = jvm.run(fence, "Health", &[&scratch.path("open")]);
    assert_eq!(fenced.text(), open.text(), "stderr: {}", fenced.stderr);
}

macro_rules! fenced {
    ($($name:ident: $major:literal $starter:ident;)+) => {$(
        #[test]
        fn $name() {
            expect_fenced(&Jvm::new($major, Starter::$starter));
        }
    )+};
}

fenced! {
    java_17_is_fenced: 17 Itself;
    java_17_is_fenced_started_by_a_shell_script: 17 Shell;
    java_17_is_fenced_as_a_child_of_python: 17 Python;
    java_25_is_fenced: 25 Itself;
    java_25_is_fenced_started_by_a_shell_script: 25 Shell;
    java_25_is_fenced_as_a_child_of_python: 25 Python;
}

/// Where the forbidden files are archives and libraries that would load.
#[test]
fn archives_and_libraries_are_refused() {
    let scratch = Scratch::new();
    plant(&scratch.directory("closed"));
    let policy = scratch.file(
        "policy.yaml",
        &format!(
            "ringfence:\n  version: 1\n  files:\n    forbidden: ['{}']\n",
            scratch.text("closed")
        ),
    );
    for major in [17, 25] {
        let jvm = Jvm::new(major, Starter::Itself);
        let fence = isolation_with(&[&policy]);
        let open = jvm.ways_to_files_in(&Fence::open(), &scratch.path("closed"));
        expect_each(&open, |_, came| matches!(came, Came::Got(_)));
        expect_each(&jvm.ways_to_files_in(&fence, &scratch.path("closed")), refused);
    }
}

/// The JVM's own checks of native code find nothing that they do not find without a fence.
#[test]
fn checked_jni_has_nothing_to_say() {
    let mut jvm = Jvm::new(17, Starter::Itself);
    jvm.options = &["-Xcheck:jni"];
    expect_healthy(&jvm, &isolation());
}

/// libc's functions, looked up and called by java.lang.foreign, are the fence's.
#[test]
fn libc_by_java_lang_foreign_is_fenced() {
    let mut jvm = Jvm::new(25, Starter::Itself);
    jvm.options = &["--enable-native-access=ALL-UNNAMED"];
    let fence = isolation();
    let scratch = Scratch::new();
    let twin = jvm.run(&fence, "Foreign", &[&scratch.path("open/twin")]);
    expect_each(&twin, |_, came| came.got("twin"));
    let refused = jvm.run(&fence, "Foreign", &[Path::new("/etc/passwd")]);
    expect_each(&refused, |_, came| came.failed_saying(" -1"));
}
