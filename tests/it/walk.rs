//! libc's walkers: none lists or enters a forbidden directory, and where none is forbidden nobody
//! can tell ours from libc's.

use crate::harness::{Fence, Outcome, Rules, Scratch, fixture};

/// Walks from the tree as working directory; `@` in the words stands for it.
fn run(scratch: &Scratch, fence: &Fence, line: &[&str]) -> Outcome {
    let mut command = fence.command(fixture("walk"));
    let words = line.iter().map(|word| word.replace('@', &scratch.text("")));
    command.args(words).current_dir(scratch.path("")).env("HOME", scratch.path("open"));
    fence.finish(&mut command)
}

/// What a walk prints, with `@` for the tree.
fn walk(scratch: &Scratch, fence: &Fence, line: &[&str]) -> String {
    scratch.generic(run(scratch, fence, line).text())
}

/// A tree with links of all kinds and some depth.
fn tree() -> Scratch {
    let scratch = Scratch::new();
    scratch.directory("deep/a/b/c/d/e");
    scratch.file("deep/a/b/c/d/e/leaf", "");
    scratch.file(".hidden", "");
    for (name, target) in [
        ("to-closed", "closed"),
        ("to-secret", "secret"),
        ("to-open", "open"),
        ("to-file", "closed/secret"),
        ("dangling", "nowhere"),
        ("deep/a/b/up", "../.."),
    ] {
        scratch.link(name, target);
    }
    scratch
}

/// A fence whose rules concern nothing in the tree.
fn elsewhere() -> Fence {
    Fence::by_hand(&Rules::new().forbid("/nowhere/at/all"))
}

/// Asserts that walks print the same without a fence and inside one that does not concern them.
#[track_caller]
fn same(lines: impl IntoIterator<Item = Vec<String>>) {
    let scratch = tree();
    let (fence, open) = (elsewhere(), Fence::open());
    let mut count = 0;
    for line in lines {
        let line: Vec<&str> = line.iter().map(String::as_str).collect();
        let expected = walk(&scratch, &open, &line);
        assert_eq!(walk(&scratch, &fence, &line), expected, "{line:?}");
        count += 1;
    }
    assert!(count > 3, "walks are compared");
}

fn words(line: &[&str]) -> Vec<String> {
    line.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn scandir_is_as_libcs() {
    let calls = ["scandir", "scandir64", "scandirat", "scandirat64"];
    let places = [".", "open", "@/open/", "to-open", "none", "twin", "dangling", ""];
    same(calls.iter().flat_map(|call| places.iter().map(|place| words(&[call, place]))));
}

#[test]
fn scandir_refuses_a_forbidden_directory() {
    let scratch = tree();
    let fence = Fence::by_hand(&scratch.rules());
    for call in ["scandir", "scandir64", "scandirat", "scandirat64"] {
        for place in
            ["closed", "@/closed", "closed/inner", "closed/none", "to-closed", "open/../closed"]
        {
            assert_eq!(walk(&scratch, &fence, &[call, place]), "-1 EACCES", "{call} {place}");
        }
        for place in ["open", "@/open", "to-open", "closed/../open"] {
            let expected =
                if place.starts_with("closed") { "-1 EACCES" } else { "inner 4 1\ntwin 8 1\n= 2" };
            assert_eq!(walk(&scratch, &fence, &[call, place]), expected, "{call} {place}");
        }
    }
}

#[test]
fn scandir_asks_for_list_alone() {
    let scratch = tree();
    let rules = Rules::new().forbid_access(scratch.path("closed"), &["list"]);
    let fence = Fence::by_hand(&rules);
    assert_eq!(walk(&scratch, &fence, &["scandir", "closed"]), "-1 EACCES");
    let rules = Rules::new().forbid_access(scratch.path("closed"), &["read"]);
    let fence = Fence::by_hand(&rules);
    assert_eq!(walk(&scratch, &fence, &["scandir", "closed"]), "inner 4 1\nsecret 8 1\n= 2");
}

const PATTERNS: [&str; 16] = [
    "*",
    "nope*",
    "*/*",
    "cl*/s*",
    "{open,closed}/*",
    "~/t*",
    ".*",
    "twin",
    "./open/",
    "to-*/*",
    "dang*",
    "open/../*",
    "@/*/inner",
    "*\\*",
    "no\\-such",
    "deep/*/*/*/*",
];

#[test]
fn glob_is_as_libcs() {
    let flags = [0, 1, 2, 4, 8, 16, 64, 128, 1 << 10, 1 << 11, 1 << 12, 1 << 13, 1 << 14, 5 << 10];
    let calls = ["glob", "glob64", "globown"];
    let lines = calls.iter().flat_map(|call| {
        flags.iter().map(move |flags| {
            let mut line = words(&[call, &flags.to_string()]);
            line.extend(words(&PATTERNS));
            line
        })
    });
    same(lines.chain([words(&["glob", "0x1000000", "*"])]));
}

#[test]
fn glob_lists_no_forbidden_directory() {
    let scratch = tree();
    let fence = Fence::by_hand(&scratch.rules());
    for call in ["glob", "glob64", "globown"] {
        for (pattern, refused) in [
            ("closed/*", "closed"),
            ("@/closed/*", "@/closed"),
            ("to-closed/*", "to-closed"),
            ("@/open/../closed/*", "@/open/../closed"),
        ] {
            let printed = walk(&scratch, &fence, &[call, "0", pattern]);
            let own = if call == "globown" { format!("own {refused}\n") } else { String::new() };
            let rest = format!("failed {refused} EACCES\n{pattern}: 3 flags 0");
            assert_eq!(printed, format!("{own}{rest}"), "{call} {pattern}");
        }
    }
    // With GLOB_ERR it ends there.
    assert_eq!(
        walk(&scratch, &fence, &["glob", "1", "closed/*"]),
        "failed closed EACCES\nclosed/*: 2 flags 0"
    );
    // What is beside it is found; a link to it leads to no directory.
    let printed = walk(&scratch, &fence, &["glob", "0", "*/*n"]);
    let found = "open/twin\nto-open/twin";
    assert_eq!(printed, format!("failed closed EACCES\n*/*n: 0 flags 120\n{found}"));
    for (pattern, found) in [("closed/secret", "3"), ("closed", "3"), ("open/twin", "0")] {
        let printed = walk(&scratch, &fence, &["glob", "0", pattern]);
        assert!(printed.starts_with(&format!("{pattern}: {found} ")), "{printed}");
    }
}

fn walks(flags: &[u32], actions: &[&str]) -> Vec<Vec<String>> {
    let mut lines = Vec::new();
    for flags in flags {
        for descriptors in ["1", "2", "20"] {
            for action in actions {
                for start in [".", "@/deep", "open/", "to-open", "twin", "dangling", "none"] {
                    if *action == "-" || start == "." {
                        lines.push(words(&[
                            "nftw",
                            &flags.to_string(),
                            descriptors,
                            action,
                            start,
                        ]));
                    }
                }
            }
        }
    }
    lines
}

#[test]
fn nftw_is_as_libcs() {
    let all: Vec<u32> = (0..=32).collect();
    same(walks(&all, &["-"]));
}

#[test]
fn nftw_follows_what_visits_answer() {
    let actions = ["d=-1", "d=1", "b=2", "d=3", "leaf=3", "open=7", "secret=1", "closed=2"];
    same(walks(&[0, 1, 5, 8, 17, 21, 25, 29], &actions));
}

#[test]
fn ftw_and_the_long_forms_are_as_libcs() {
    let mut lines = Vec::new();
    for start in [".", "@", "open//", "to-open", "twin", "dangling", "none", ""] {
        for descriptors in ["0", "1", "3"] {
            lines.push(words(&["ftw", "0", descriptors, "-", start]));
            lines.push(words(&["ftw64", "0", descriptors, "-", start]));
            lines.push(words(&["nftw64", "5", descriptors, "-", start]));
        }
    }
    lines.push(words(&["ftw", "0", "4", "deep=5", "."]));
    same(lines);
}

/// The lines of a walk without what lies beneath `closed`, and without `closed` and `secret`
/// themselves, which are seen as something else.
fn beside(printed: &str) -> Vec<&str> {
    let forbidden = |line: &&str| {
        let path = line.split(' ').next().unwrap_or_default();
        let path = path.trim_start_matches("./").trim_start_matches("@/");
        let hidden = ["closed", "secret", "to-closed", "to-secret", "to-file"];
        hidden.contains(&path.split('/').next().unwrap_or_default())
    };
    printed.lines().filter(|line| !forbidden(line)).collect()
}

#[test]
fn nftw_neither_enters_nor_inspects_a_forbidden_directory() {
    let scratch = tree();
    let fence = Fence::by_hand(&scratch.rules());
    for call in ["nftw", "nftw64"] {
        for flags in ["0", "1", "4", "5", "8", "9", "13", "16", "29"] {
            for (descriptors, start) in [("1", "."), ("20", "."), ("2", "@")] {
                let line = [call, flags, descriptors, "-", start];
                let open = walk(&scratch, &Fence::open(), &line);
                let fenced = walk(&scratch, &fence, &line);
                assert_eq!(beside(&fenced), beside(&open), "{line:?}");
                let seen = |name: &str| {
                    let path = format!("{start}/{name} ");
                    let found = fenced.lines().find_map(|line| line.strip_prefix(&path));
                    found.and_then(|rest| rest.split(' ').next()).map(str::to_owned)
                };
                let physical = flags.parse::<u32>().expect("a number") & 1 != 0;
                let link = if physical { "SL" } else { "SLN" };
                assert_eq!(seen("closed").as_deref(), Some("NS"), "{line:?}: {fenced}");
                assert_eq!(seen("secret").as_deref(), Some("NS"), "{line:?}: {fenced}");
                for name in ["to-closed", "to-secret", "to-file"] {
                    assert_eq!(seen(name).as_deref(), Some(link), "{line:?}: {fenced}");
                }
                assert!(!fenced.contains("closed/"), "{line:?}: {fenced}");
            }
        }
    }
}

#[test]
fn a_walk_that_starts_at_a_forbidden_place_is_refused() {
    let scratch = tree();
    let fence = Fence::by_hand(&scratch.rules());
    for call in ["ftw", "ftw64", "nftw", "nftw64"] {
        for start in ["closed", "@/closed/inner", "to-closed", "secret", "closed/none"] {
            let printed = walk(&scratch, &fence, &[call, "0", "4", "-", start]);
            assert_eq!(printed, "-1 EACCES\nin @, 3 descriptors", "{call} {start}");
        }
        let printed = walk(&scratch, &fence, &[call, "0", "4", "-", "open/inner"]);
        assert!(printed.ends_with("= 0\nin @, 3 descriptors"), "{call}: {printed}");
        assert!(printed.contains("open/inner/twin F"), "{call}: {printed}");
    }
}

#[test]
fn a_directory_that_may_be_inspected_and_not_listed_is_unreadable() {
    let scratch = tree();
    let rules = Rules::new().forbid_access(scratch.path("closed"), &["list"]);
    let fence = Fence::by_hand(&rules);
    for flags in ["1", "9"] {
        let printed = walk(&scratch, &fence, &["nftw", flags, "4", "-", "."]);
        assert!(printed.contains("./closed DNR "), "{printed}");
        assert!(!printed.contains("./closed/"), "{printed}");
        assert!(printed.contains("./open/inner/twin F "), "{printed}");
    }
}

#[test]
fn a_function_that_jumps_out_leaves_nothing_half_made() {
    same(["scandir", "glob", "nftw"].iter().flat_map(|call| {
        // Without rights to read it, glob's function of failures is called.
        let places: &[&str] = if *call == "glob" { &["twin/*", "open/*"] } else { &["open", "."] };
        places.iter().map(move |place| words(&["jump", call, place]))
    }));
}

#[test]
fn a_tree_of_great_depth_costs_no_stack() {
    let scratch = Scratch::new();
    // Its path fits the kernel's limit; the names are short, so it is deep.
    let deep = "d/".repeat(1_500);
    scratch.directory(&deep);
    let (fence, open) = (elsewhere(), Fence::open());
    for line in
        [["nftw", "1", "4", "-", "d"], ["nftw", "5", "1", "-", "d"], ["nftw", "9", "9", "-", "d"]]
    {
        let expected = walk(&scratch, &open, &line);
        assert!(expected.lines().count() > 1_500, "it is walked to its end");
        assert_eq!(walk(&scratch, &fence, &line), expected, "{line:?}");
    }
}

#[test]
fn wordexp_finds_what_libcs_finds() {
    let texts = [
        "*",
        "twin",
        "a b  c",
        "nope*",
        "op*/tw* \"op*\" 'op*' op\\* \"$HOME\" $HOME",
        "$HOME/* $HOME* ~/t* \"a b\"*",
        "${HOME}/* ${NONE:-z}? [ot]*n",
        "$((2*3)) $((2*3))* x",
        "\"unended*",
        "'a*'* \"\\*\" '\\*' \\\\*",
        "a\t*n\tb",
        "\"$HOME\"/* '$HOME'*",
        "closed/* to-closed/* secr*",
        "*/secret",
        "op??",
        "$NONE*",
    ];
    let lines = texts.iter().flat_map(|text| {
        // DOOFFS, and UNDEF, by which an unset variable is an error.
        ["0", "1", "32"].map(|flags| words(&["words", flags, text]))
    });
    let commands = ["$(echo *)", "`echo *`", "$(echo)"];
    let refused = commands.map(|text| words(&["words", "4", text]));
    same(lines.chain(refused).chain([words(&["append", "1", "a*", "t*", "x y", "o*"])]));
}

#[test]
fn wordexp_lists_no_forbidden_directory() {
    let scratch = tree();
    let fence = Fence::by_hand(&scratch.rules());
    for (text, found) in [
        ("closed/*", "0: <closed/*>"),
        ("@/closed/*", "0: <@/closed/*>"),
        ("to-closed/s*", "0: <to-closed/s*>"),
        ("'closed'/[is]*", "0: <closed/[is]*>"),
        ("*/secret", "0: <*/secret>"),
        ("$HOME/../closed/?*", "0: <@/open/../closed/?*>"),
        ("open/*", "0: <open/inner> <open/twin>"),
        // Where libc would take the letter for something else, the text is refused as a whole.
        ("closed/${NONE:-*}", "5:"),
        ("$?", "5:"),
        ("$*", "5:"),
        ("*;", "2:"),
        ("$(ls closed/*)", "4:"),
    ] {
        assert_eq!(walk(&scratch, &fence, &["words", "0", text]), found, "{text}");
    }
}

#[test]
fn audit_mode_only_reports() {
    let scratch = tree();
    let fence = Fence::by_hand(&scratch.rules().audit_only());
    for line in
        [vec!["scandir", "closed"], vec!["nftw", "1", "4", "-", "."], vec!["glob", "0", "closed/*"]]
    {
        let expected = walk(&scratch, &Fence::open(), &line);
        let outcome = run(&scratch, &fence, &line);
        assert_eq!(scratch.generic(outcome.text()), expected, "{line:?}");
        assert!(!outcome.audit.is_empty(), "{line:?}");
    }
}

#[test]
fn programs_that_walk_by_themselves_list_no_forbidden_directory() {
    let scratch = tree();
    let fence = Fence::by_hand(&scratch.rules());
    for script in [
        "find . | sort",
        "find -L . | sort",
        "ls -R",
        "bash -c 'shopt -s globstar dotglob; printf \"%s\\n\" **'",
        "python3 -c 'import os; [print(os.path.join(a, x)) for a, b, c in os.walk(\".\") for x in b + c]'",
        "python3 -c 'import glob; print(*glob.glob(\"**\", recursive=True), sep=\"\\n\")'",
        "perl -e 'print join(\"\\n\", glob(\"*/*\"))'",
    ] {
        let script_in = |fence: &Fence| {
            let mut command = fence.command("sh");
            command.args(["-c", script]).current_dir(scratch.path(""));
            fence.finish(&mut command)
        };
        let (fenced, open) = (script_in(&fence), script_in(&Fence::open()));
        assert!(
            open.stdout.contains("closed/secret") || open.stdout.contains("closed:\n"),
            "{open:#?}"
        );
        assert!(!fenced.stdout.contains("closed/secret"), "{script}: {fenced:#?}");
        assert!(!fenced.stdout.contains("closed/inner"), "{script}: {fenced:#?}");
        assert!(fenced.stdout.contains("twin"), "{script}: {fenced:#?}");
    }
}
