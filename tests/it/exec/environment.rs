//! The environment of a child: it carries the fence, each variable once, and nothing by which
//! ld.so or libc would open a forbidden place.

use super::{expect_fenced, expect_fenced_by, start};
use crate::harness::{Fence, Outcome, Scratch, artifacts, fixture};

macro_rules! given {
    ($($name:ident: $($word:literal)*;)*) => {
        $(
            #[test]
            fn $name() {
                expect_fenced(&[$($word),*]);
            }
        )*
    };
}

given! {
    execve_with_no_environment_is_fenced: "env:none" "execve" "/bin/cat" "PATH";
    execvpe_with_no_environment_is_fenced: "env:none" "execvpe" "/bin/cat" "PATH";
    execle_with_no_environment_is_fenced: "env:none" "execle" "/bin/cat" "PATH";
    fexecve_with_no_environment_is_fenced: "env:none" "fexecve" "/bin/cat" "PATH";
    execveat_with_no_environment_is_fenced: "env:none" "execveat" "/bin/cat" "PATH";
    a_spawn_with_no_environment_is_fenced: "env:none" "spawn" "/bin/cat" "PATH";
    execve_by_number_with_no_environment_is_fenced: "env:none" "syscall-execve" "/bin/cat" "PATH";
    a_vfork_child_with_no_environment_is_fenced: "env:none" "vfork" "execve" "/bin/cat" "PATH";
    an_emptied_preload_is_fenced: "env:preload" "execve" "/bin/cat" "PATH";
    another_image_is_fenced: "env:image" "execve" "/bin/cat" "PATH";
    everything_twice_is_fenced: "env:twice" "execve" "/bin/cat" "PATH";
    a_large_environment_is_fenced: "env:many" "execve" "/bin/cat" "PATH";
    a_spawn_with_a_large_environment_is_fenced: "env:many" "spawn" "/bin/cat" "PATH";
}

/// A shell command line, where `PATH` stands for what is read.
#[track_caller]
fn expect_line_fenced(program: &str, option: &str, line: &str) {
    expect_fenced_by(&[line], |fence, scratch, words| {
        fence.run(program, [option, &words[0].replace('@', &scratch.text(""))])
    });
}

#[test]
fn env_i_is_fenced() {
    expect_line_fenced("sh", "-c", "env -i /bin/cat PATH");
}

#[test]
fn a_preload_emptied_by_the_shell_is_fenced() {
    expect_line_fenced("sh", "-c", "LD_PRELOAD= cat PATH");
    expect_line_fenced("sh", "-c", "unset LD_PRELOAD RINGFENCE_IMAGE; cat PATH");
}

#[test]
fn exec_c_of_bash_is_fenced() {
    expect_line_fenced("bash", "-c", "exec -c /bin/cat PATH");
}

#[test]
fn pythons_ways_with_no_environment_are_fenced() {
    for code in [
        "import subprocess; subprocess.run(['/bin/cat', 'PATH'], env={})",
        "import subprocess; subprocess.run('cat PATH', shell=True, env={'LD_PRELOAD': ''})",
        "import os; os.waitpid(os.posix_spawn('/bin/cat', ['cat', 'PATH'], {}), 0)",
        "import os; os.execve('/bin/cat', ['cat', 'PATH'], {})",
    ] {
        expect_line_fenced("python3", "-c", code);
    }
}

#[test]
fn pythons_file_actions_are_judged() {
    let code = "import os, sys\n\
        try: pid = os.posix_spawn('/bin/cat', ['cat'], {}, \
        file_actions=[(os.POSIX_SPAWN_OPEN, 0, sys.argv[1], os.O_RDONLY, 0)])\n\
        except OSError as error: print(error.errno)\n\
        else: os.waitpid(pid, 0)\n";
    let scratch = Scratch::new();
    let fence = Fence::by_hand(&scratch.rules());
    let run = |fence: &Fence, file: &str| {
        fence.run("python3", ["-c", code, &scratch.text(file)]).text().to_owned()
    };
    assert_eq!(run(&Fence::open(), "secret"), "SECRET");
    assert_eq!(run(&fence, "secret"), libc::EACCES.to_string());
    assert_eq!(run(&fence, "twin"), "twin");
}

#[test]
fn ours_stand_there_once_and_win() {
    let scratch = Scratch::new();
    let fence = Fence::by_hand(&scratch.rules());
    let outcome = start(&fence, &scratch, &["env:twice", "execve", "/usr/bin/env"]);
    let lines: Vec<&str> = outcome.text().lines().collect();
    let named = |name: &str| lines.iter().filter(|line| line.starts_with(name)).count();
    assert_eq!(named("LD_PRELOAD="), 1, "{lines:?}");
    assert_eq!(named("RINGFENCE_IMAGE="), 1, "{lines:?}");
    assert_eq!(named("LD_AUDIT="), 0, "an audit library runs before any other: {lines:?}");
    assert!(lines.contains(&"A=1"), "the caller's own stays: {lines:?}");
    assert!(!lines.contains(&"RINGFENCE_IMAGE=/dev/null"), "{lines:?}");
    let preload = format!("LD_PRELOAD={}", artifacts().library.display());
    assert!(lines.contains(&preload.as_str()), "{lines:?}");
}

#[test]
fn the_callers_own_preload_is_kept_behind_ours() {
    let scratch = Scratch::new();
    let fence = Fence::by_hand(&scratch.rules());
    let theirs = fixture("libempty.so").display().to_string();
    let line = format!("LD_PRELOAD={theirs} /usr/bin/env");
    let outcome = fence.run("sh", ["-c", &line]);
    let expected = format!("LD_PRELOAD={}:{theirs}", artifacts().library.display());
    assert!(outcome.text().lines().any(|line| line == expected), "{outcome:#?}");
}

#[test]
fn an_environment_with_the_fence_has_the_same_variables() {
    let scratch = Scratch::new();
    let fence = Fence::by_hand(&scratch.rules());
    let sorted = |outcome: Outcome| {
        let mut lines: Vec<String> = outcome.text().lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let direct = sorted(fence.run("/usr/bin/env", [""; 0]));
    let child = sorted(start(&fence, &scratch, &["execve", "/usr/bin/env"]));
    assert_eq!(child, direct);
}

#[test]
fn children_with_a_large_environment_leave_nothing_in_their_parents_memory() {
    let scratch = Scratch::new();
    for fence in [Fence::open(), Fence::by_hand(&scratch.rules())] {
        assert_eq!(fence.run(fixture("vforks"), [""; 0]).text(), "absent 9, failed 0, more 0");
    }
}

/// Another thread changes the environment by which programs are started: each is fenced.
#[track_caller]
fn expect_fenced_while_it_changes(what: &str, [name, instead]: [&str; 2]) {
    let scratch = Scratch::new();
    let fence = Fence::by_hand(&scratch.rules());
    let readers = |file: &str, way: &str| {
        let file = scratch.text(file);
        let swapped = fixture("swapped").display().to_string();
        // A harmless variable as long as ours.
        let words = ["A_VARIABLE=/nowhere", &swapped, what, way, name, instead, "150", &file];
        let outcome = fence.run("env", words);
        let read: u32 = outcome.text().strip_prefix("read ").and_then(|n| n.parse().ok()).unwrap();
        (read, outcome)
    };
    for way in ["execve", "spawn"] {
        let (read, outcome) = readers("secret", way);
        assert_eq!(read, 0, "{way}: {outcome:#?}");
        let (read, outcome) = readers("twin", way);
        assert!(read >= 150, "{way}: {outcome:#?}");
    }
}

#[test]
fn a_pointer_that_is_swapped_meanwhile_takes_no_fence_away() {
    expect_fenced_while_it_changes("pointer", ["LD_PRELOAD=", "XD_PRELOAD="]);
}

#[test]
fn a_text_that_is_rewritten_meanwhile_takes_no_fence_away() {
    expect_fenced_while_it_changes("text", ["LD_PRELOAD=", "XD_PRELOAD="]);
    expect_fenced_while_it_changes("text", ["A_VARIABLE=", "LD_PRELOAD="]);
}

#[test]
fn variables_that_make_libc_open_a_forbidden_place_are_dropped() {
    let scratch = Scratch::new();
    let fence = Fence::by_hand(&scratch.rules());
    for (name, forbidden, free) in [
        ("RESOLV_HOST_CONF", "@/secret", "@/twin"),
        ("HOSTALIASES", "@/secret", "@/twin"),
        ("DATEMSK", "@/secret", "@/twin"),
        ("TZ", ":@/secret", ":@/twin"),
        ("TZ", "../../..@/secret", "Europe/Berlin"),
        ("TZDIR", "@/closed", "@/open"),
        ("LOCPATH", "@/open:@/closed", "@/open:@/nowhere"),
        ("NLSPATH", "@/closed/%N", "@/open/%N"),
        ("GCONV_PATH", "@/closed", "@/open"),
        ("LD_LIBRARY_PATH", "@/open:@/closed/inner", "@/open:@/nowhere"),
        ("LD_DEBUG_OUTPUT", "@/closed/out", "@/open/out"),
        ("GMON_OUT_PREFIX", "@/closed/out", "@/open/out"),
        ("MALLOC_TRACE", "@/closed/out", "@/open/out"),
    ] {
        for (value, kept) in [(forbidden, false), (free, true)] {
            let value = value.replace('@', &scratch.text(""));
            let line = format!("{name}='{value}' /usr/bin/env");
            let expected = format!("{name}={value}");
            let open = Fence::open().run("sh", ["-c", &line]);
            assert!(open.text().lines().any(|line| line == expected), "{open:#?}");
            let outcome = fence.run("sh", ["-c", &line]);
            let found = outcome.text().lines().any(|line| line == expected);
            assert_eq!(found, kept, "{expected}: {outcome:#?}");
        }
    }
}

#[test]
fn the_resolver_prints_no_forbidden_file() {
    let scratch = Scratch::new();
    let fence = Fence::by_hand(&scratch.rules());
    let run = |fence: &Fence, file: &str| {
        let line = format!("RESOLV_HOST_CONF={} getent ahosts localhost", scratch.text(file));
        let outcome = fence.run("sh", ["-c", &line]);
        outcome.stdout + &outcome.stderr
    };
    assert!(run(&Fence::open(), "secret").contains("SECRET"), "libc prints bad lines");
    assert!(!run(&fence, "secret").contains("SECRET"));
    assert!(run(&fence, "twin").contains("twin"), "an allowed file is read as before");
}
