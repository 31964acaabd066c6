//! Shells and the tools that are called from them: they reach files by every road that libc has.

use std::fs;

use crate::harness::{Fence, Outcome, Scratch};

/// `$F` is a file, `$D` the directory that it is in, `$W` an empty directory.
fn run(scratch: &Scratch, fence: &Fence, script: &str, directory: &str, file: &str) -> Outcome {
    let mut command = fence.command("bash");
    // What an earlier run left is gone.
    fs::remove_dir_all(scratch.directory("work")).expect("our own directory");
    command.args(["--norc", "-c", script]).env("LC_ALL", "C");
    command.env("D", scratch.path(directory)).env("F", scratch.path(directory).join(file));
    command.env("W", scratch.directory("work")).env_remove("TMPDIR");
    fence.finish(&mut command)
}

/// Asserts that a script says "Permission denied" and nothing of the secret where the file is
/// forbidden, and that it says the twin's content where it is not.
#[track_caller]
fn way(script: &str) {
    let scratch = Scratch::new();
    for (directory, text) in [("closed", "SECRET"), ("open", "twin")] {
        scratch.file(&format!("{directory}/.gitconfig"), &format!("[user]\n\tname = {text}\n"));
        scratch.file(&format!("{directory}/{text}-name"), "");
    }
    let fence = Fence::by_hand(&scratch.rules());

    let refused = run(&scratch, &fence, script, "closed", "secret");
    let said = format!("{}{}", refused.stdout, refused.stderr);
    assert!(!said.contains("SECRET"), "{script}: {refused:#?}");
    assert!(said.contains("Permission denied"), "{script}: {refused:#?}");
    assert!(!refused.audit.is_empty(), "{script}: {refused:#?}");

    let passed = run(&scratch, &fence, script, "open", "twin");
    let said = format!("{}{}", passed.stdout, passed.stderr);
    assert!(said.contains("twin"), "{script}: {passed:#?}");
    assert!(!said.contains("Permission denied"), "{script}: {passed:#?}");
    assert!(passed.audit.is_empty(), "{script}: {passed:#?}");

    let open = run(&scratch, &Fence::open(), script, "closed", "secret");
    let said = format!("{}{}", open.stdout, open.stderr);
    assert!(said.contains("SECRET"), "without a fence: {script}: {open:#?}");
}

macro_rules! ways {
    ($($claim:ident: $script:literal;)*) => {
        $(
            #[test]
            fn $claim() {
                way($script);
            }
        )*
    };
}

ways! {
    cat: "cat $F";
    cat_of_a_redirection: "cat < $F";
    a_substitution_without_a_program: "echo \"$(<$F)\"";
    a_sourced_file: ". $F";
    a_sourced_pipe: "source <(cat $F)";
    a_descriptor_by_exec: "exec 3<$F; cat <&3";
    a_descriptor_for_both: "exec 3<>$F; cat <&3";
    read: "read -r line < $F && echo $line";
    mapfile: "mapfile -t lines < $F && echo ${lines[0]}";
    a_script_by_its_name: "bash $F";
    another_shell: "sh -c 'cat $F'";
    a_pipeline: "cat $F | tr a-z a-z | cat";
    a_background_job: "cat $F & wait";
    a_subshell: "(cat $F)";
    a_file_after_cd: "cd $D && cat secret twin";
    a_file_above: "cd $D/inner && cat ../secret ../twin";
    a_file_by_proc: "cat /proc/self/root$F";
    a_directory_by_proc: "cd /proc/self/root$D && cat secret twin";
    a_link_made_by_the_script: "ln -s $F $W/link && cat $W/link";
    a_link_to_the_directory: "ln -s $D $W/link && cat $W/link/secret $W/link/twin";
    dd: "dd if=$F status=none";
    head: "head -1 $F";
    tail: "tail -n 1 $F";
    tac: "tac $F";
    sort: "sort $F";
    paste: "paste $F";
    grep: "grep -h . $F";
    grep_through_a_directory: "grep -rh . $D";
    sed: "sed p $F";
    awk: "awk '{ print }' $F";
    awk_by_getline: "awk 'BEGIN { if ((getline line < ENVIRON[\"F\"]) < 0) print \"Permission denied\"; else print line }'";
    diff: "diff /dev/null $F";
    cp: "cp $F $W/copy && cat $W/copy";
    cp_of_a_tree: "cp -a $D $W/copy; cat $W/copy/secret $W/copy/twin";
    install: "install -m 600 $F $W/copy && cat $W/copy";
    tar_of_a_file: "tar -cPf - $F | tar -xPOf -";
    tar_of_a_tree: "tar -cPf - $D | tar -xPOf -";
    tar_by_its_own_chdir: "tar -cf - -C $D . | tar -xOf -";
    find: "find $D -type f";
    find_and_do: "find $D -type f -exec cat {} +";
    ls: "ls $D";
    ls_of_a_tree: "ls -R $D";
    ls_long: "ls -l $D";
    du: "du -a $D";
    stat_and_read: "stat $F && cat $F";
    xargs: "echo $F | xargs cat";
    perl: "perl -e 'open(my $file, q(<), $ENV{F}) or die $!; print <$file>'";
    perl_by_sysopen: "perl -MFcntl -e 'sysopen(my $file, $ENV{F}, O_RDONLY) or die $!; print <$file>'";
    perl_by_opendir: "perl -e 'opendir(my $names, $ENV{D}) or die $!; print readdir $names'";
    git_configuration_of_a_home: "HOME=$D git config --global user.name";
    git_of_a_file: "git hash-object $F && cat $F";
}

#[test]
fn writing_is_refused_and_changes_nothing() {
    let scratch = Scratch::new();
    let fence = Fence::by_hand(&scratch.rules());
    for script in [
        "echo changed > $F",
        "echo changed >> $F",
        "echo changed >| $F",
        ": > $F",
        "echo changed | tee $F",
        "echo changed | dd of=$F status=none",
        "cp /dev/null $F",
        "exec 4<>$F",
        "sed -i s/^/x/ $F",
        "echo changed > $D/new",
    ] {
        let refused = run(&scratch, &fence, script, "closed", "secret");
        assert!(refused.stderr.contains("Permission denied"), "{script}: {refused:#?}");
        let content = fs::read_to_string(scratch.path("closed/secret")).expect("our own file");
        assert_eq!(content, "SECRET\n", "{script}");
        let names = fs::read_dir(scratch.path("closed")).expect("our own directory").count();
        assert_eq!(names, 2, "{script}");
        let passed = run(&scratch, &fence, script, "open", "twin");
        assert!(passed.status.success(), "{script}: {passed:#?}");
    }
}

#[test]
fn a_here_document_makes_its_file_elsewhere_when_tmpdir_is_forbidden() {
    let scratch = Scratch::new();
    let fence = Fence::by_hand(&scratch.rules());
    // More than a pipe takes, so that bash needs a file.
    let script = format!(
        "TMPDIR=$D; body=$(printf '%0200000d' 7); cat <<END | wc -c\n$body\nEND\n{}",
        "ls -A /proc/self/fd > /dev/null"
    );
    for directory in ["closed", "open"] {
        let outcome = run(&scratch, &fence, &script, directory, "");
        assert_eq!(outcome.text(), "200001", "{outcome:#?}");
    }
    let names = fs::read_dir(scratch.path("closed")).expect("our own directory").count();
    assert_eq!(names, 2);
}

#[test]
fn what_does_not_exist_and_what_is_forbidden_look_alike() {
    let scratch = Scratch::new();
    let fence = Fence::by_hand(&scratch.rules());
    let script = "for name in secret no-such-name inner; do
        [ -e $D/$name ] && echo exists; [ -r $D/$name ] && echo readable; [ -d $D/$name ] && echo directory
        cat $D/$name 2>&1 | sed \"s/$name/NAME/; /^ringfence:/d\"; done; echo $D/*";
    let refused = run(&scratch, &fence, script, "closed", "");
    let line = format!("cat: {}/NAME: Permission denied\n", scratch.text("closed"));
    assert_eq!(refused.stdout, format!("{}{}/*\n", line.repeat(3), scratch.text("closed")));
    let open = run(&scratch, &Fence::open(), script, "closed", "");
    assert!(open.stdout.contains("exists\nreadable\n"), "without a fence: {open:#?}");
}
