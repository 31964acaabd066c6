//! Names that no rule has for what a rule is about.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use super::environment;
use crate::harness::{Fence, Rules, Scratch, fixture};

/// Who may give a file a name of his choice gives a library one that no rule has.
#[test]
fn a_library_under_other_names_is_another_library() {
    let scratch = Scratch::new();
    let copy = scratch.path("libother.so");
    fs::copy(fixture("libvendor.so"), &copy).expect("copied");
    let rules = Rules::new().forbid_threads("native:libvendor.so");
    let fence = Fence::by_hand(&rules);
    let printed = |library: &Path| {
        let words = [library.as_os_str(), "vendor:pthread_create".as_ref()];
        fence.run(fixture("threads"), words).text().to_owned()
    };
    assert_eq!(printed(&fixture("libvendor.so")), "pthread_create EPERM");
    assert_eq!(printed(&copy), "pthread_create 0 ran");
}

#[test]
fn a_hard_link_made_before_is_another_name_of_the_file() {
    let scratch = Scratch::new();
    fs::hard_link(scratch.path("secret"), scratch.path("hard")).expect("one file system");
    let fence = Fence::by_hand(&scratch.rules());
    assert_eq!(fence.call(&scratch.words("open @/secret O_RDONLY")), "-1 EACCES");
    assert_eq!(fence.call(&scratch.words("open @/hard O_RDONLY")), "ok SECRET");
}

#[test]
fn a_copy_made_before_is_another_file() {
    let scratch = Scratch::new();
    fs::copy(scratch.path("secret"), scratch.path("copy")).expect("our own directory");
    let fence = Fence::by_hand(&scratch.rules());
    assert_eq!(fence.call(&scratch.words("open @/copy O_RDONLY")), "ok SECRET");
}

#[test]
fn a_bind_mount_made_later_is_another_name_of_the_place() {
    let scratch = Scratch::new();
    scratch.directory("mounted");
    // The mount is made by somebody outside, after the policy was compiled: the fence's own
    // environment is put in place behind it.
    let fence = Fence::by_hand(&scratch.rules());
    let inner = fence.command(fixture("call"));
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "sh", "-c"]);
    command.arg("mount --bind \"$1\" \"$2\" && exec env LD_PRELOAD=\"$3\" RINGFENCE_IMAGE=\"$4\" \"$5\" open \"$2/secret\" O_RDONLY");
    command.arg("sh").arg(scratch.path("closed")).arg(scratch.path("mounted"));
    for name in ["LD_PRELOAD", "RINGFENCE_IMAGE"] {
        let set = inner.get_envs().find(|(key, _)| *key == name).and_then(|(_, value)| value);
        command.arg(set.expect("by hand, both are set"));
    }
    command.arg(fixture("call"));
    let outcome = Fence::open().finish(&mut command);
    assert_eq!(outcome.text(), "ok SECRET", "the test needs the right to mount");
}

/// A script that the kernel hands to another program than the one that it names, because an operator
/// registered its kind (`binfmt_misc`), is judged by what it names. What is neither ELF nor script
/// is not started.
#[test]
fn a_script_that_the_kernel_hands_to_another_is_judged_by_its_first_line() {
    let scratch = Scratch::new();
    for (name, text) in [("script", "#!/bin/true --kind\n"), ("other", "OTHER\n")] {
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(scratch.file(name, text), mode).expect("our own file");
    }
    // What a user namespace registers binds nobody else.
    let script = r#"
mount -t binfmt_misc none /proc/sys/fs/binfmt_misc || { echo none; exit; }
echo ":other:M::OTHER::$1:" >/proc/sys/fs/binfmt_misc/register
echo ":script:M::#!/bin/true --kind::$1:" >/proc/sys/fs/binfmt_misc/register
for name in other script; do
    "$2" execve "$3/$name"
    LD_PRELOAD=$PRELOADED "$2" execve "$3/$name"
    true
done
"#;
    let fence = Fence::by_hand(&scratch.rules());
    let mut command = Command::new("unshare");
    for (name, value) in environment(&fence) {
        command.env(if name == "LD_PRELOAD" { "PRELOADED".into() } else { name }, value);
    }
    command.args(["--map-root-user", "--mount", "sh", "-c", script, "sh"]);
    command.args([fixture("still"), fixture("start"), scratch.path("")]);
    let outcome = Fence::open().finish(&mut command);
    // Before Linux 6.7 the kinds of all user namespaces are the machine's, and not for a test to change.
    if outcome.text() != "none" {
        assert_eq!(outcome.text(), "static\n-1 ENOEXEC\nstatic\nstatic", "{outcome:#?}");
    }
}

#[test]
fn a_pattern_for_processes_leaves_what_their_threads_show() {
    // procfs shows a process's files once more for each of its threads, and `/proc/thread-self` leads there.
    let fence = |pattern: &str| Fence::by_hand(&Rules::new().forbid_glob(pattern));
    let opens = |fence: &Fence, path: &str| fence.call(&["open", path, "O_RDONLY"]) != "-1 EACCES";
    for path in ["/proc/self/environ", "/proc/thread-self/environ"] {
        assert!(opens(&Fence::open(), path), "{path}");
    }
    let processes = fence("/proc/*/environ");
    assert!(!opens(&processes, "/proc/self/environ"));
    assert!(opens(&processes, "/proc/thread-self/environ"));
    // Two stars find both.
    let both = fence("/proc/**/environ");
    assert!(!opens(&both, "/proc/self/environ"));
    assert!(!opens(&both, "/proc/thread-self/environ"));
    assert!(opens(&both, "/proc/self/status"));
}

/// Programs look at each directory on the way to their script, so a task may look at the directory
/// of all tasks, and at what is beneath it. Names there cannot be listed, and cannot be guessed.
#[test]
fn the_file_of_another_task_can_be_looked_at_by_its_name() {
    let directory = tempfile::tempdir().expect("a directory");
    let at = directory.path().canonicalize().expect("it is there");
    let flow = "{id: a, type: io.kestra.plugin.scripts.shell.Commands, commands: ['eval \"$LOOK\"'], env: {LOOK: '{{ inputs.look }}'}}";
    std::fs::write(at.join("flow.yaml"), flow).expect("our own file");
    let printed = |look: &str| {
        let mut task = Command::new(&crate::harness::artifacts().launcher);
        task.args(["task", "-q", "flow.yaml", "--input", &format!("look={look}")]);
        task.current_dir(&at).env("TMPDIR", &at).env_remove("RINGFENCE_POLICY");
        let limit = std::time::Duration::from_secs(60);
        crate::harness::run(&mut task, b"", limit, "the end of the task").stdout
    };
    let rooms = printed("cd ../..; pwd");
    let other = Path::new(rooms.trim()).join("other");
    fs::create_dir(&other).expect("our own directory");
    fs::write(other.join("file"), "four").expect("our own file");
    let file = other.join("file").display().to_string();
    let look = format!("stat -c %s {file}; cat {file} || ls {} || echo closed", other.display());
    assert_eq!(printed(&look), "4\nclosed\n");
}

#[test]
fn a_library_that_ld_so_finds_by_itself_is_loaded_from_where_a_link_leads() {
    let scratch = Scratch::new();
    let library = scratch.path("closed/libfound.so");
    fs::copy(fixture("libempty.so"), &library).expect("a copy");
    std::os::unix::fs::symlink(&library, scratch.path("open/libfound.so")).expect("a link");
    let fence = Fence::by_hand(&scratch.rules());
    let maps = |directory: &str, name: &str| {
        let set = format!("LD_LIBRARY_PATH={} LD_PRELOAD={name}", scratch.text(directory));
        fence.run("sh", ["-c", &format!("{set} exec cat /proc/self/maps")]).stdout
    };
    assert!(
        maps("open", "libfound.so").contains("closed/libfound.so"),
        "by a link beneath an allowed directory"
    );
    assert!(
        !maps("closed", "libfound.so").contains("libfound.so"),
        "the directory itself is judged"
    );
    let whole = scratch.text("open/libfound.so");
    assert!(!maps("open", &whole).contains("libfound.so"), "and so is a whole name");
}
