//! The rows whose place is not in their arguments, or that are refused whatever the place is.

use std::fs;

use crate::harness::{Fence, Rules, Scratch, fixture};
use crate::programs::PYTHON;

/// Asserts what a case prints when `place` is forbidden, and that it is not refused when another
/// place is; `@` stands for a scratch tree.
#[track_caller]
fn refused(place: &str, case: &str, denied: &str) {
    let scratch = Scratch::new();
    let words = scratch.words(case);
    let forbidden = place.replace('@', &scratch.text(""));
    let result = Fence::by_hand(&Rules::new().forbid(forbidden)).call(&words);
    assert_eq!(result, denied, "{case} with {place} forbidden");
    for control in [Fence::by_hand(&Rules::new().forbid("/nowhere/at/all")), Fence::open()] {
        let result = control.call(&words);
        assert!(!result.contains("EACCES"), "{case} with another place forbidden: {result}");
    }
}

#[test]
fn shared_memory_is_a_file_of_dev_shm() {
    let name = format!("/dev/shm/ringfence-{}", std::process::id());
    std::fs::write(&name, "SECRET").expect("/dev/shm is writable");
    let object = name.strip_prefix("/dev/shm").expect("just made");
    refused(&name, &format!("shm_open {object} O_RDONLY 0"), "-1 EACCES");
    refused("/dev/shm", &format!("shm_open {object} O_RDONLY 0"), "-1 EACCES");
    std::fs::remove_file(&name).expect("our own file");
}

#[test]
fn a_semaphore_is_a_file_of_dev_shm() {
    let name = format!("ringfence-{}", std::process::id());
    let place = format!("/dev/shm/sem.{name}");
    refused(&place, &format!("sem_open /{name} O_CREAT 600"), "NULL EACCES");
    std::fs::remove_file(&place).expect("made by the control");
}

#[test]
fn a_message_queue_is_a_file_of_dev_mqueue() {
    let name = format!("/ringfence-{}", std::process::id());
    // It does not exist, and a refusal tells nothing of that.
    let place = format!("/dev/mqueue{name}");
    refused(&place, &format!("mq_open {name} O_RDONLY 0"), "-1 EACCES");
    refused(&place, &format!("__mq_open_2 {name} O_RDONLY"), "-1 EACCES");
    refused(&place, &format!("syscall mq_open {} O_RDONLY 0", &name[1..]), "-1 EACCES");
}

#[test]
fn shadow_entries_are_the_content_of_etc_shadow() {
    refused("/etc/shadow", "getspnam root", "NULL EACCES");
    refused("/etc/", "getspnam root", "NULL EACCES");
    refused("/etc/shadow", "getspent", "NULL EACCES");
    refused("/etc/gshadow", "getsgnam root", "NULL EACCES");
}

#[test]
fn the_users_that_libc_looks_up_for_a_service_stay_readable() {
    let fence = Fence::by_hand(&Rules::new().forbid("/etc/"));
    let outcome = fence.run("id", ["-un"]);
    assert_eq!(outcome.text(), Fence::open().run("id", ["-un"]).text());
}

#[test]
fn getdate_opens_what_datemsk_names() {
    refused("@/secret", "setenv DATEMSK @/secret , getdate 12", "ok; NULL EACCES");
    // getdate_r gives its own number for a template that cannot be opened.
    refused("@/secret", "setenv DATEMSK @/secret , getdate_r 12", "ok; 2 ENOENT");
}

#[test]
fn the_mount_table_is_the_content_of_etc_fstab() {
    refused("/etc/fstab", "setfsent", "0 EACCES");
}

#[test]
fn an_unnamed_temporary_file_is_made_in_tmp_whatever_tmpdir_says() {
    refused("/tmp", "setenv TMPDIR /var/tmp , tmpfile", "ok; NULL EACCES");
    refused("/tmp", "tmpfile64", "NULL EACCES");
}

#[test]
fn a_catalog_is_not_looked_for_where_nlspath_says() {
    let scratch = Scratch::new();
    let fence = Fence::by_hand(&scratch.rules());
    for directory in ["closed", "open"] {
        let file = if directory == "closed" { "secret" } else { "twin" };
        let words = scratch.words(&format!("setenv NLSPATH @/{directory}/%N , catopen {file}"));
        assert_eq!(fence.call(&words), "ok; -1 EACCES", "{directory}");
        // It is found without a fence, though it is no catalog.
        assert_eq!(Fence::open().call(&words), "ok; -1 EINVAL", "{directory}");
    }
}

#[test]
fn a_catalog_with_a_slash_in_its_name_is_a_path() {
    let scratch = Scratch::new();
    let fence = Fence::by_hand(&scratch.rules());
    for (name, expected) in [
        ("catopen @/secret", "-1 EACCES"),
        ("chdir @ , catopen ./secret", "ok; -1 EACCES"),
        // It is opened, though it is no catalog.
        ("catopen @/twin", "-1 EINVAL"),
        ("chdir @ , catopen ./twin", "ok; -1 EINVAL"),
    ] {
        assert_eq!(fence.call(&scratch.words(name)), expected, "{name}");
        let open = Fence::open().call(&scratch.words(name));
        assert_eq!(open, expected.replace("EACCES", "EINVAL"), "without a fence: {name}");
    }
}

#[test]
fn logins_are_read_from_the_systems_own_files_alone() {
    let scratch = Scratch::new();
    for call in ["utmpname", "utmpxname"] {
        let fence = Fence::by_hand(&scratch.rules());
        // libc opens the file later, when what its name leads to may have changed.
        for name in ["secret", "twin"] {
            let words = scratch.words(&format!("{call} @/{name}"));
            assert_eq!(fence.call(&words), "-1 EACCES", "{words:?}");
            assert!(Fence::open().call(&words).starts_with("ok"), "{words:?}");
        }
        refused("/var/log/wtmp", &format!("{call} /var/log/wtmp"), "-1 EACCES");
        refused("/var/log", &format!("{call} /var/log/wtmp"), "-1 EACCES");
    }
}

#[test]
fn a_record_of_a_login_is_appended_where_the_caller_says() {
    for call in ["updwtmp", "updwtmpx"] {
        let scratch = Scratch::new();
        let fence = Fence::by_hand(&scratch.rules());
        let append = |fence: &Fence, name: &str| {
            let result = fence.call(&scratch.words(&format!("{call} @/{name}")));
            (result, fs::metadata(scratch.path(name)).map_or(0, |found| found.len()))
        };
        assert_eq!(append(&fence, "secret"), ("0 EACCES".to_owned(), 7), "{call}");
        assert_eq!(append(&fence, "closed/none"), ("0 EACCES".to_owned(), 0), "{call}");
        assert_eq!(append(&fence, "none"), append(&Fence::open(), "none"), "{call}");
        // A record that was cut short is overwritten.
        for times in 1..=2 {
            assert_eq!(append(&fence, "twin"), ("ok".to_owned(), times * 384), "{call}");
        }
        assert_eq!(append(&Fence::open(), "twin"), ("ok".to_owned(), 3 * 384), "{call}");
    }
}

#[test]
fn a_profile_is_written_where_it_may_be_alone() {
    let scratch = Scratch::new();
    let fence = Fence::by_hand(&scratch.rules().forbid(scratch.path("gmon.out")));
    let words = |line: &str| scratch.words(&format!("chdir @ , monstartup 4096 65536 , {line}"));
    let written = || {
        let names = fs::read_dir(scratch.path("")).expect("our own tree");
        names.filter(|name| name.as_ref().is_ok_and(|name| name.file_name() != "twin")).count()
    };
    let before = written();
    assert_eq!(fence.call(&words("_mcleanup")), "ok; ok; 0 EACCES");
    // libc puts the process id behind the name.
    let named = words("setenv GMON_OUT_PREFIX @/profile , _mcleanup");
    assert_eq!(fence.call(&named), "ok; ok; ok; 0 EACCES");
    assert_eq!(written(), before, "nothing was written");
    Fence::open().call(&named);
    Fence::by_hand(&scratch.rules()).call(&words("_mcleanup"));
    assert!(scratch.path("gmon.out").exists(), "the control writes it");
    assert_eq!(written(), before + 2, "and the other");
}

#[test]
fn the_kernel_is_not_told_of_a_file_by_its_name() {
    let scratch = Scratch::new();
    let fence = Fence::by_hand(&scratch.rules());
    for (case, open) in [("swapoff @/twin", "-1 EINVAL"), ("quotactl 0 @/twin 0", "-1 ENOTBLK")] {
        assert_eq!(fence.call(&scratch.words(case)), "-1 EPERM", "{case}");
        assert_eq!(Fence::open().call(&scratch.words(case)), open, "{case}");
    }
}

#[test]
fn nothing_looks_a_host_up_while_a_variable_would_show_a_file() {
    let scratch = Scratch::new();
    let fence = Fence::by_hand(&scratch.rules());
    let shown = |fence: &Fence, function: &str| {
        let outcome = fence.run(fixture("resolver"), [&scratch.text("secret"), function]);
        // It may end as it likes: what matters is what it showed until then.
        outcome.stderr.contains("bad command `SECRET'")
    };
    for function in [
        "__nss_hostname_digits_dots",
        "_nss_dns_getcanonname_r",
        "_nss_dns_gethostbyaddr2_r",
        "_nss_dns_gethostbyaddr_r",
        "_nss_dns_gethostbyname2_r",
        "_nss_dns_gethostbyname3_r",
        "_nss_dns_gethostbyname4_r",
        "_nss_dns_gethostbyname_r",
        "_nss_dns_getnetbyname_r",
        "callrpc",
        "clnt_create",
        "gethostbyname",
        "gethostid",
        "getnetbyname",
        "getnetent",
        "getnetent_r",
        "getrpcport",
        "setnetent",
    ] {
        assert!(shown(&Fence::open(), function), "{function} shows it without a fence");
        assert!(!shown(&fence, function), "{function}");
    }
}

#[test]
fn nobody_sets_the_variable_that_has_the_resolver_show_a_file() {
    let scratch = Scratch::new();
    let fence = Fence::by_hand(&scratch.rules());
    for (case, fenced) in [
        ("setenv RESOLV_HOST_CONF @/secret", "-1 EACCES"),
        ("setenv RESOLV_HOST_CONF @/twin", "-1 EACCES"),
        ("setenv RESOLV_HOST_CONFS @/secret", "ok"),
        ("putenv RESOLV_HOST_CONF=@/secret", "-1 EACCES"),
        ("putenv RESOLV_HOST_CONF", "ok"),
        ("putenv OTHER=@/secret", "ok"),
    ] {
        let words = scratch.words(case);
        assert_eq!(fence.call(&words), fenced, "{case}");
        assert_eq!(Fence::open().call(&words), "ok", "{case}");
    }
    let code = "import os; os.environ['RESOLV_HOST_CONF'] = '/nowhere'";
    let outcome = fence.run(PYTHON, ["-c", code]);
    assert!(outcome.stderr.contains("PermissionError: [Errno 13]"), "{outcome:#?}");
    assert_eq!(Fence::open().run(PYTHON, ["-c", code]).status.code(), Some(0));
}

#[test]
fn streams_half_made_by_old_programs_are_refused_whatever_the_file() {
    let scratch = Scratch::new();
    let fence = Fence::by_hand(&scratch.rules());
    for call in ["_IO_file_fopen @/twin r", "_IO_file_open @/twin O_RDONLY 0"] {
        let words = scratch.words(call);
        assert_eq!(fence.call(&words), "NULL EACCES", "{call}");
        assert_eq!(Fence::open().call(&words), "ok", "{call}");
    }
}

#[test]
fn reopening_a_stream_gives_no_new_rights() {
    let scratch = Scratch::new();
    let rules = Rules::new().forbid_access(scratch.path("secret"), &["write"]);
    let reading = scratch.words("syscall openat . @/secret O_RDONLY");
    assert_eq!(Fence::by_hand(&rules).call(&reading), "ok SECRET");
    // A null path reopens what the stream has, here the standard input, with other rights.
    for writing in ["freopen @/secret r+", "hold 0 file:@/secret , freopen NULL r+"] {
        let writing = scratch.words(writing);
        let last = |fence: Fence| {
            let result = fence.call(&writing);
            result.rsplit("; ").next().unwrap_or_default().to_owned()
        };
        assert_eq!(last(Fence::by_hand(&rules)), "NULL EACCES", "{writing:?}");
        assert_eq!(last(Fence::open()), "ok SECRET", "{writing:?}");
    }
    let reading = scratch.words("hold 0 file:@/secret , freopen NULL r");
    assert_eq!(Fence::by_hand(&rules).call(&reading), "ok; ok SECRET");
}

#[test]
fn a_handle_is_refused_since_it_names_any_file_of_the_mount() {
    let case = "name_to_handle_at . @/twin 0 , open_by_handle_at . O_RDONLY";
    let scratch = Scratch::new();
    let words = scratch.words(case);
    assert_eq!(Fence::open().call(&words), "ok; ok twin", "the control needs its privilege");
    assert_eq!(Fence::by_hand(&scratch.rules()).call(&words), "ok; -1 EACCES");
    let words =
        scratch.words("name_to_handle_at . @/twin 0 , syscall open_by_handle_at . O_RDONLY");
    assert_eq!(Fence::by_hand(&scratch.rules()).call(&words), "ok; -1 EACCES");
}

#[test]
fn fchdir_judges_a_directory_that_was_got_another_way() {
    let scratch = Scratch::new();
    let fence = Fence::by_hand(&scratch.rules());
    // The instruction is a documented way around the fence; its descriptor is not taken further.
    let into = |name: &str| scratch.words(&format!("fchdir raw:@/{name} , getcwd"));
    assert!(fence.call(&into("closed")).starts_with("-1 EACCES; ok /"));
    assert_eq!(fence.call(&into("open")), format!("ok; ok {}", scratch.text("open")));
    assert_eq!(Fence::open().call(&into("closed")), format!("ok; ok {}", scratch.text("closed")));
    assert_eq!(fence.call(&scratch.words("syscall fchdir raw:@/closed")), "-1 EACCES");
}

#[test]
fn every_row_is_refused_under_the_launcher_too() {
    let scratch = Scratch::new();
    let fence = Fence::by_launcher(&scratch.rules());
    let lines = [
        ("open @/secret O_RDONLY", "-1 EACCES"),
        ("openat @ closed/secret O_RDONLY", "-1 EACCES"),
        ("fopen @/closed/secret r", "NULL EACCES"),
        ("opendir @/closed", "NULL EACCES"),
        ("stat @/secret", "-1 EACCES"),
        ("access @/secret F_OK", "-1 EACCES"),
        ("readlink @/secret", "-1 EACCES"),
        ("realpath @/secret", "NULL EACCES"),
        ("chdir @/closed", "-1 EACCES"),
        ("open @/twin O_RDONLY", "ok twin"),
        ("fopen @/open/twin r", "ok twin"),
    ];
    let cases: Vec<_> = lines.iter().map(|(line, _)| scratch.words(line)).collect();
    for ((line, expected), result) in lines.iter().zip(fence.calls(&cases)) {
        assert_eq!(result, *expected, "{line}");
    }
}

#[test]
fn a_refusal_is_told_once_on_stderr_and_each_time_in_the_audit_file() {
    let scratch = Scratch::new();
    let fence = Fence::by_hand(&scratch.rules());
    let line = "open @/secret O_RDONLY , open @/secret O_RDONLY , open @/twin O_RDONLY";
    let outcome = fence.run(crate::harness::fixture("call"), scratch.words(line));
    assert_eq!(outcome.text(), "-1 EACCES\n-1 EACCES\nok twin");
    let told: Vec<_> = outcome.stderr.lines().filter(|line| line.contains("denied")).collect();
    assert_eq!(told.len(), 1, "{outcome:#?}");
    assert!(told[0].contains(&scratch.text("secret")), "{outcome:#?}");
    assert_eq!(outcome.audit.len(), 2, "{outcome:#?}");
    assert_eq!(outcome.audit[0]["event"], "deny", "{outcome:#?}");
}

#[test]
fn audit_mode_lets_through_and_tells() {
    let scratch = Scratch::new();
    let fence = Fence::by_hand(&scratch.rules().audit_only());
    let line = "open @/secret O_RDONLY , open @/twin O_RDONLY";
    let outcome = fence.run(crate::harness::fixture("call"), scratch.words(line));
    assert_eq!(outcome.text(), "ok SECRET\nok twin");
    assert_eq!(outcome.audit.len(), 1, "{outcome:#?}");
    assert_eq!(outcome.audit[0]["event"], "would_deny", "{outcome:#?}");
}
