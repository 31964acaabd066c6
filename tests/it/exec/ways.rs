//! Every way to start a program.

use super::{expect_fenced, expect_refused, start};
use crate::harness::{Fence, Rules, Scratch};

macro_rules! ways {
    ($($fenced:ident, $refused:ident: $($action:literal)* => $way:literal;)*) => {
        $(
            #[test]
            fn $fenced() {
                expect_fenced(&[$($action,)* $way, "/bin/cat", "PATH"]);
            }

            #[test]
            fn $refused() {
                expect_refused(&[$($action,)* $way, "PROGRAM", "@/twin"]);
            }
        )*
    };
}

ways! {
    execv_starts_a_fenced_child, execv_is_refused: => "execv";
    execve_starts_a_fenced_child, execve_is_refused: => "execve";
    execvp_starts_a_fenced_child, execvp_is_refused: => "execvp";
    execvpe_starts_a_fenced_child, execvpe_is_refused: => "execvpe";
    execl_starts_a_fenced_child, execl_is_refused: => "execl";
    execle_starts_a_fenced_child, execle_is_refused: => "execle";
    execlp_starts_a_fenced_child, execlp_is_refused: => "execlp";
    fexecve_starts_a_fenced_child, fexecve_is_refused: => "fexecve";
    execveat_starts_a_fenced_child, execveat_is_refused: => "execveat";
    execveat_by_path_starts_a_fenced_child, execveat_by_path_is_refused: => "execveat-path";
    posix_spawn_starts_a_fenced_child, posix_spawn_is_refused: => "spawn";
    posix_spawnp_starts_a_fenced_child, posix_spawnp_is_refused: => "spawnp";
    an_old_posix_spawn_starts_a_fenced_child, an_old_posix_spawn_is_refused: => "spawn-old";
    execve_by_number_starts_a_fenced_child, execve_by_number_is_refused: => "syscall-execve";
    execveat_by_number_starts_a_fenced_child, execveat_by_number_is_refused: => "syscall-execveat";
    a_vfork_child_starts_a_fenced_one, an_exec_after_vfork_is_refused: "vfork" => "execve";
    a_clone_child_starts_a_fenced_one, an_exec_after_clone_is_refused: "clone" => "execve";
    a_fork_child_of_threads_starts_a_fenced_one, an_exec_among_threads_is_refused:
        "thread" "fork" => "execve";
    a_spawn_among_threads_starts_a_fenced_child, a_spawn_among_threads_is_refused:
        "thread" => "spawn";
}

#[test]
fn a_program_without_a_place_is_fenced() {
    expect_fenced(&["memfd", "/bin/cat", "PATH"]);
}

#[test]
fn a_command_of_system_is_fenced() {
    expect_fenced(&["system", "cat PATH"]);
}

#[test]
fn a_command_of_popen_is_fenced() {
    expect_fenced(&["popen", "cat PATH"]);
    expect_fenced(&["popen-w", "cat PATH -"]);
}

#[test]
fn wordexp_substitutes_no_command() {
    let scratch = Scratch::new();
    let fence = Fence::by_hand(&scratch.rules());
    let open = start(&Fence::open(), &scratch, &["wordexp", "a $(cat @/secret)"]);
    assert_eq!(open.stdout, "a\nSECRET\n");
    let refused = start(&fence, &scratch, &["wordexp", "a $(cat @/secret)"]);
    assert_eq!(refused.stdout, "-1 WRDE_CMDSUB\n");
    let twin = start(&fence, &scratch, &["wordexp", "a ${HOME:+b}"]);
    assert_eq!(twin.stdout, "a\nb\n");
}

#[test]
fn long_argument_lists_arrive_whole() {
    let scratch = Scratch::new();
    let fence = Fence::by_hand(&Rules::new().forbid("/nowhere/at/all"));
    for way in ["execl", "execle"] {
        let words = [way, "/bin/echo", "1", "2", "3", "4", "5", "6"];
        let open = start(&Fence::open(), &scratch, &words);
        assert!(open.stdout.starts_with("1 2 3 4 5"), "{open:#?}");
        assert_eq!(start(&fence, &scratch, &words).stdout, open.stdout, "{way}");
    }
}

#[test]
fn a_program_that_may_be_executed_and_not_read_runs() {
    let scratch = Scratch::new();
    super::copy(&scratch, "/bin/cat", "closed/cat");
    super::copy(&scratch, crate::harness::fixture("still"), "closed/still");
    scratch.file("script", &format!("#!{}\nbody\n", scratch.text("closed/cat")));
    make_executable(&scratch, "script");
    let rules = Rules::new().forbid_access(scratch.path("closed"), &["read"]);
    let fence = Fence::by_hand(&rules.forbid(scratch.path("secret")));
    for way in ["execve", "spawn", "fexecve"] {
        let run = start(&fence, &scratch, &[way, "@/closed/cat", "@/twin"]);
        assert_eq!(run.stdout, "twin\n", "{way}: {run:#?}");
        let fenced = start(&fence, &scratch, &[way, "@/closed/cat", "@/secret"]);
        assert!(fenced.stderr.contains("Permission denied"), "{way}: {fenced:#?}");
        // What it is shows without its content standing open to other threads.
        let still = start(&fence, &scratch, &[way, "@/closed/still"]);
        assert_eq!(still.stdout, "-1 EACCES\n", "{way}: {still:#?}");
    }
    let run = start(&fence, &scratch, &["execve", "@/script"]);
    assert!(run.stdout.ends_with("body\n"), "as an interpreter too: {run:#?}");
    let read = fence.run("/bin/cat", [scratch.path("closed/cat")]);
    assert!(read.stderr.contains("Permission denied"), "it may not be read: {read:#?}");
}

#[test]
fn a_deleted_program_is_judged_by_where_it_was() {
    let code = "import os, sys\n\
        fd = os.open(sys.argv[1], os.O_PATH)\n\
        os.unlink(sys.argv[1])\n\
        try: os.execve(fd, ['cat', sys.argv[2]], {})\n\
        except OSError as error: print(error.errno)\n";
    let scratch = Scratch::new();
    let rules = Rules::new().forbid_access(scratch.path("closed"), &["execute"]);
    let run = |fence: &Fence, program: &str| {
        super::copy(&scratch, "/bin/cat", program);
        let words = ["-c", code, &scratch.text(program), &scratch.text("twin")];
        fence.run("python3", words).text().to_owned()
    };
    assert_eq!(run(&Fence::open(), "closed/cat"), "twin");
    let fence = Fence::by_hand(&rules);
    assert_eq!(run(&fence, "closed/cat"), libc::EACCES.to_string());
    assert_eq!(run(&fence, "open/cat"), "twin");
}

#[test]
fn an_interpreter_is_judged_like_a_program() {
    let scratch = Scratch::new();
    for directory in ["closed", "open"] {
        super::copy(&scratch, "/bin/cat", &format!("{directory}/cat"));
        let script = format!("{directory}-script");
        scratch.file(&script, &format!("#!{}/cat\nbody\n", scratch.text(directory)));
        make_executable(&scratch, &script);
    }
    let fence = Fence::by_hand(&scratch.rules());
    for way in ["execve", "execvp", "spawn", "spawnp"] {
        let control = start(&Fence::open(), &scratch, &[way, "@/closed-script"]);
        assert!(control.stdout.ends_with("body\n"), "{control:#?}");
        let refused = start(&fence, &scratch, &[way, "@/closed-script"]);
        assert_eq!(refused.stdout, "-1 EACCES\n", "{way}: {refused:#?}");
        let twin = start(&fence, &scratch, &[way, "@/open-script"]);
        assert!(twin.stdout.ends_with("body\n"), "{way}: {twin:#?}");
    }
}

#[test]
fn a_script_without_a_first_line_goes_to_the_shell_by_the_rule_of_each_way() {
    let scratch = Scratch::new();
    scratch.file("script", "cat \"$1\"; echo \"$0 done\"\n");
    make_executable(&scratch, "script");
    let fence = Fence::by_hand(&scratch.rules());
    for fence in [&Fence::open(), &fence] {
        for way in ["execve", "spawn", "spawnp"] {
            let refused = start(fence, &scratch, &[way, "@/script", "@/twin"]);
            assert_eq!(refused.stdout, "-1 ENOEXEC\n", "{way}: {refused:#?}");
        }
        let run = start(fence, &scratch, &["execvp", "@/script", "@/twin"]);
        assert_eq!(run.stdout, format!("twin\n{} done\n", scratch.text("script")), "{run:#?}");
    }
    super::expect_fenced_by(&["PATH"], |fence, scratch, words| {
        scratch.file("script", "cat \"$1\"\n");
        make_executable(scratch, "script");
        start(fence, scratch, &["execvp", "@/script", words[0]])
    });
}

#[test]
fn what_is_no_program_keeps_its_errno() {
    let scratch = Scratch::new();
    let fence = Fence::by_hand(&scratch.rules());
    for (way, program, errno) in [
        ("execve", "@/nothing", "ENOENT"),
        ("execve", "@/twin/below", "ENOTDIR"),
        ("execve", "@/open", "EACCES"),
        ("execve", "@/twin", "EACCES"),
        ("spawn", "@/nothing", "ENOENT"),
        ("spawnp", "no-such-program", "ENOENT"),
        ("execvp", "no-such-program", "ENOENT"),
        ("execvp", "", "ENOENT"),
        ("execve", "/dev/null", "EACCES"),
    ] {
        for fence in [&Fence::open(), &fence] {
            let outcome = start(fence, &scratch, &[way, program]);
            assert_eq!(outcome.stdout, format!("-1 {errno}\n"), "{way} {program}: {outcome:#?}");
        }
    }
}

#[test]
fn a_file_action_opens_no_forbidden_file() {
    let scratch = Scratch::new();
    let fence = Fence::by_hand(&scratch.rules());
    for (actions, control) in [
        (&["open:@/secret"][..], "SECRET\n"),
        (&["chdir:@/", "open:secret"], "SECRET\n"),
        (&["chdir:@/closed", "open:secret"], "SECRET\n"),
        (&["chdir:@/open", "open:../closed/secret"], "SECRET\n"),
    ] {
        let words: Vec<&str> = actions.iter().copied().chain(["spawn", "/bin/cat"]).collect();
        assert_eq!(start(&Fence::open(), &scratch, &words).stdout, control);
        let refused = start(&fence, &scratch, &words);
        assert_eq!(refused.stdout, "-1 EACCES\n", "{actions:?}: {refused:#?}");
    }
    for actions in
        [&["open:@/twin"][..], &["chdir:@/open", "open:twin"], &["chdir:@/", "open:twin"]]
    {
        let words: Vec<&str> = actions.iter().copied().chain(["spawn", "/bin/cat"]).collect();
        let twin = start(&fence, &scratch, &words);
        assert_eq!(twin.stdout, "twin\n", "{actions:?}: {twin:#?}");
    }
}

#[test]
fn a_spawned_child_is_what_its_attributes_say() {
    let scratch = Scratch::new();
    // By the shell alone: one that starts a program may block signals meanwhile.
    let look = "read -r pid x1 x2 x3 x4 sid rest < /proc/$$/stat; \
        [ \"$sid\" = \"$$\" ] && echo leader; \
        while read -r name value; do \
        case $name in SigBlk:|SigIgn:) echo \"$name $value\";; esac; done < /proc/$$/status";
    let words = ["session", "mask", "ignore", "spawn", "/bin/sh", "-c", look];
    let open = start(&Fence::open(), &scratch, &words);
    assert!(!open.stdout.contains("status"), "{open:#?}");
    let fence = Fence::by_hand(&scratch.rules());
    assert_eq!(start(&fence, &scratch, &words).stdout, open.stdout);
    let plain = ["spawn", "/bin/sh", "-c", look];
    let other = start(&Fence::open(), &scratch, &plain);
    assert_ne!(other.stdout, open.stdout, "the attributes show");
    assert_eq!(start(&fence, &scratch, &plain).stdout, other.stdout);
}

fn make_executable(scratch: &Scratch, name: &str) {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(scratch.path(name), mode).expect("our own file");
}
