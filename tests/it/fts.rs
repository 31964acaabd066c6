//! `fts`: where nothing is forbidden nobody can tell ours from libc's, whatever the options, the
//! order, and what is asked of it on the way; nothing forbidden is listed, entered or inspected.

use std::fs;

use crate::harness::{Fence, Random, Rules, Scratch, fixture};

/// What a walk prints, with `@` for the tree.
fn walk(scratch: &Scratch, fence: &Fence, line: &[&str]) -> String {
    let mut command = fence.command(fixture("hierarchy"));
    let words = line.iter().map(|word| word.replace('@', &scratch.text("")));
    command.args(words).current_dir(scratch.path(""));
    scratch.generic(fence.finish(&mut command).text())
}

/// A fence whose rules concern nothing in a tree, but a name that every tree has.
fn elsewhere() -> Fence {
    Fence::by_hand(&Rules::new().forbid("/nowhere/at/all").forbid("/nowhere/twin"))
}

/// Grows a tree: directories, files, FIFOs, and links that lead down, up, round and nowhere.
fn grow(scratch: &Scratch, random: &mut Random, entries: u64) {
    let mut directories = vec![String::new(), "open/".to_owned(), "closed/".to_owned()];
    for number in 0..entries {
        let above = random.choice(&directories).clone();
        let long = if random.below(6) == 0 { "-long".repeat(20) } else { String::new() };
        let name = format!("{above}{number}{long}");
        match random.below(8) {
            0..=2 => {
                scratch.directory(&name);
                directories.push(format!("{name}/"));
            }
            3..=4 => drop(scratch.file(&name, &"x".repeat(random.index(9)))),
            5 => drop(scratch.fifo(&name)),
            _ => {
                // Never out of the tree, where others make and remove theirs.
                let near = ["nowhere", "twin", "inner", "loop", "/dev/null", ".", "..", "../.."];
                let depth = above.matches('/').count();
                let near = &near[..(6 + depth).min(8)];
                let far = scratch.text(random.choice::<String>(&directories));
                let target = if random.below(2) == 0 { far.as_str() } else { *random.choice(near) };
                drop(scratch.link(&name, target));
            }
        }
    }
    scratch.link("loop", "loop");
}

/// Asserts that two walks printed the same, and shows where they part if not.
#[track_caller]
fn assert_same(ours: &str, libcs: &str, what: &str) {
    if ours == libcs {
        return;
    }
    let place = ours.lines().zip(libcs.lines()).take_while(|(one, other)| one == other).count();
    let around = |text: &str| {
        let options =
            text.lines().take(place + 1).filter(|line| line.starts_with("options")).last();
        let lines = text.lines().skip(place.saturating_sub(4)).take(8).collect::<Vec<_>>();
        format!("{}\n{}", options.unwrap_or_default(), lines.join("\n"))
    };
    panic!("{what}, line {place}: ours\n{}\n\nlibc's\n{}", around(ours), around(libcs));
}

#[test]
fn fts_is_as_libcs_with_all_options_on_random_trees() {
    let mut random = Random::announced("fts_is_as_libcs_with_all_options_on_random_trees");
    let (fence, open) = (elsewhere(), Fence::open());
    for entries in [0, 12, 40] {
        let scratch = Scratch::new();
        grow(&scratch, &mut random, entries);
        // On another device, where there is one, for FTS_XDEV.
        let memory = tempfile::tempdir_in("/dev/shm").expect("shared memory has a place");
        fs::write(memory.path().join("file"), "").expect("our own directory");
        scratch.link("other-device", memory.path());
        let seed = random.below(1 << 40).to_string();
        let starts: [&[&str]; 5] = [
            &["."],
            &["open/", "closed", "./twin", "nowhere", "loop"],
            &["@", "other-device", "open//inner"],
            &["open/..", "/dev/null", "open/../open"],
            &["open", ""],
        ];
        for starts in starts {
            let line = [&["all", &seed, "4"], starts].concat();
            let expected = walk(&scratch, &open, &line);
            assert!(expected.lines().count() > 512, "walks are compared: {expected}");
            assert_same(&walk(&scratch, &fence, &line), &expected, &format!("{line:?}"));
        }
    }
}

#[test]
fn a_path_that_outgrows_its_memory_is_as_libcs() {
    let scratch = Scratch::new();
    let name = "n".repeat(250);
    let deep = [name.as_str(); 4].join("/");
    scratch.directory(&format!("deep/{deep}"));
    scratch.file(&format!("deep/{name}/file"), "");
    scratch.file(&format!("deep/{name}/{name}/file"), "");
    let start = format!("{}deep", "./".repeat(1_800));
    let (fence, open) = (elsewhere(), Fence::open());
    for options in ["0x10", "0x14", "0x12", "0x30", "0x18"] {
        for words in ["sort", "sort,children", "names"] {
            let line = ["one", options, words, &start];
            let expected = walk(&scratch, &open, &line);
            assert!(expected.contains("length 4"), "the path grows past 4,352 bytes");
            assert_same(&walk(&scratch, &fence, &line), &expected, options);
        }
    }
}

/// The lines of a walk about anything but what is forbidden, and links to it.
fn beside(printed: &str) -> Vec<&str> {
    let forbidden = ["closed", "secret", "to-closed", "to-secret"];
    let about = |line: &&str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        line.starts_with("children:")
            || forbidden.iter().any(|name| {
                words
                    .windows(2)
                    .any(|pair| ["name", "in", "by"].contains(&pair[0]) && pair[1] == *name)
                    || line.contains(&format!("/{name}/"))
                    || line.contains(&format!(" {name}/"))
            })
    };
    printed.lines().filter(|line| !about(line)).collect()
}

/// The first word of the line about an entry of this name, and its errno.
fn seen(printed: &str, name: &str) -> (String, String) {
    let sign = format!(" name {name} ");
    let line = printed.lines().find(|line| line.contains(&sign) && !line.starts_with(' '));
    let words: Vec<&str> = line.unwrap_or_default().split_whitespace().collect();
    let errno = words.iter().skip_while(|word| **word != "errno").nth(1);
    (words.first().unwrap_or(&"").to_string(), errno.unwrap_or(&"").to_string())
}

#[test]
fn fts_neither_enters_nor_inspects_a_forbidden_directory() {
    let scratch = Scratch::new();
    scratch.link("to-closed", "closed");
    scratch.link("to-secret", "secret");
    let fence = Fence::by_hand(&scratch.rules());
    let no = |kind: &str| (kind.to_owned(), "EACCES".to_owned());
    for (options, link, file) in [
        ("0x10", "SL", no("NS")),
        ("0x14", "SL", no("NS")),
        // Not asked: what is said to be a file is not inspected.
        ("0x18", "SL", ("NSOK".to_owned(), "0".to_owned())),
        ("0x32", "SLNONE", no("NS")),
        ("0x02", "SLNONE", no("NS")),
    ] {
        for start in [".", "@"] {
            for words in ["sort", "sort,children"] {
                let line = ["one", options, words, start];
                let open = walk(&scratch, &Fence::open(), &line);
                let fenced = walk(&scratch, &fence, &line);
                assert_eq!(beside(&fenced), beside(&open), "{line:?}");
                assert_eq!(seen(&open, "closed").0, "D", "{line:?}: {open}");
                assert!(open.contains("closed/inner"), "{line:?}: {open}");
                assert_eq!(seen(&fenced, "closed"), no("NS"), "{line:?}: {fenced}");
                assert_eq!(seen(&fenced, "secret"), file, "{line:?}: {fenced}");
                if options != "0x18" {
                    assert_eq!(seen(&fenced, "to-closed").0, link, "{line:?}: {fenced}");
                    assert_eq!(seen(&fenced, "to-secret").0, link, "{line:?}: {fenced}");
                }
                assert!(!fenced.contains("closed/inner"), "{line:?}: {fenced}");
            }
        }
    }
}

#[test]
fn a_start_that_is_forbidden_is_not_inspected() {
    let scratch = Scratch::new();
    scratch.link("to-closed", "closed");
    let fence = Fence::by_hand(&scratch.rules());
    for start in ["closed", "@/closed", "closed/inner", "open/../closed", "secret", "closed/none"] {
        for options in ["0x10", "0x11", "0x14", "0x02"] {
            let printed = walk(&scratch, &fence, &["one", options, "children", start]);
            let name = printed.split(' ').nth(5).expect("a line has a name");
            assert_eq!(seen(&printed, name), ("NS".into(), "EACCES".into()), "{start}: {printed}");
            assert!(printed.ends_with("end 0\nclose 0 in @, descriptor 3"), "{start}: {printed}");
            assert_eq!(printed.lines().count(), 3, "{start}: {printed}");
        }
    }
    // FTS_COMFOLLOW of a link to it; and its allowed twin.
    let printed = walk(&scratch, &fence, &["one", "0x11", "-", "to-closed"]);
    assert!(printed.starts_with("SLNONE to-closed "), "{printed}");
    let printed = walk(&scratch, &fence, &["one", "0x10", "sort", "open"]);
    assert!(printed.contains("F open/inner/twin by twin "), "{printed}");
}

#[test]
fn a_link_that_is_followed_to_a_forbidden_directory_is_not_entered() {
    let scratch = Scratch::new();
    scratch.link("to-closed", "closed");
    scratch.link("to-open", "open");
    let fence = Fence::by_hand(&scratch.rules());
    for options in ["0x10", "0x14"] {
        let words = "sort,to-closed=follow,to-open=follow";
        let printed = walk(&scratch, &fence, &["one", options, words, "."]);
        assert!(printed.contains("SLNONE ./to-closed by "), "{printed}");
        assert!(printed.contains("F ./to-open/inner/twin by "), "{printed}");
        assert!(!printed.contains("closed/"), "{printed}");
        let open = walk(&scratch, &Fence::open(), &["one", options, words, "."]);
        assert!(open.contains("F ./to-closed/inner/secret by "), "{open}");
    }
}

#[test]
fn a_directory_that_may_be_inspected_and_not_listed_is_unreadable() {
    let scratch = Scratch::new();
    let rules = Rules::new().forbid_access(scratch.path("closed"), &["list"]);
    let fence = Fence::by_hand(&rules);
    for options in ["0x10", "0x14", "0x02", "0x18"] {
        let printed = walk(&scratch, &fence, &["one", options, "sort,children", "."]);
        let closed: Vec<&str> =
            printed.lines().filter(|line| line.contains(" name closed 6 level 1 ")).collect();
        assert!(closed.iter().any(|line| line.starts_with("D ./closed ")), "{printed}");
        let last = closed.last().expect("it is seen twice");
        assert!(last.starts_with("DNR ./closed ") && last.contains(" EACCES "), "{printed}");
        assert!(printed.contains("children: EACCES"), "{printed}");
        assert!(!printed.contains("closed/"), "{printed}");
        assert!(printed.contains(" ./open/inner/twin by "), "{printed}");
    }
    // The working directory itself may not be listed: the walk stays, and reads what it may.
    let fence = Fence::by_hand(
        &Rules::new()
            .forbid_access(scratch.path(""), &["list"])
            .allow(scratch.path("open"), &["list", "read"]),
    );
    let printed = walk(&scratch, &fence, &["one", "0x10", "sort", "open"]);
    assert!(printed.contains("F open/inner/twin by open/inner/twin "), "{printed}");
}

#[test]
fn audit_mode_only_reports() {
    let scratch = Scratch::new();
    let fence = Fence::by_hand(&scratch.rules().audit_only());
    let line = ["one", "0x10", "sort", "."];
    let expected = walk(&scratch, &Fence::open(), &line);
    let mut command = fence.command(fixture("hierarchy"));
    let outcome = fence.finish(command.args(line).current_dir(scratch.path("")));
    assert_eq!(scratch.generic(outcome.text()), expected);
    let calls: Vec<_> = outcome.audit.iter().map(|event| event["call"].to_string()).collect();
    assert!(calls.iter().any(|call| call.contains("fts_read")), "{calls:?}");
}

#[test]
fn another_device_is_not_entered_when_asked() {
    let scratch = Scratch::new();
    scratch.link("other", "/proc/sys/kernel/random");
    let seen = |options| walk(&scratch, &elsewhere(), &["one", options, "sort", "."]);
    assert!(seen("0x02").contains("F ./other/boot_id "), "{}", seen("0x02"));
    assert!(!seen("0x42").contains("./other/boot_id "), "{}", seen("0x42"));
    assert!(seen("0x42").contains("DP ./other "), "{}", seen("0x42"));
}
