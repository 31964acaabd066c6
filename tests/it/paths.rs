//! Every row of the hook table that opens a file, looks at one or changes one.
//!
//! A row is called on forbidden names (refused with its errno), on their allowed twins, and on
//! siblings whose names only begin like a rule; each absolute, relative to the working directory
//! and, where the call has one, to a dirfd. The same calls without a fence, and inside a fence
//! whose rules are about something else, are the controls: nothing is refused there, and the twins
//! give exactly the same.

mod change;
mod look;
mod open;
mod other;

use crate::harness::{Fence, Rules, Scratch};

/// What a row's path argument names.
#[derive(Clone, Copy)]
enum Kind {
    /// A file that exists.
    File,
    /// A directory that exists.
    Directory,
    /// A name that does not exist yet.
    New,
    /// A symbolic link, itself and not what it leads to.
    Link,
}

/// A call on one path: where it starts from, and what is asked there.
struct Form {
    /// A directory to change to first.
    from: Option<&'static str>,
    dir: &'static str,
    path: String,
}

/// Runs one row: `template` is a command line of the `call` fixture in which `{path}` stands for
/// the path (`{new}` for one that no other case makes) and `{dir}` for the dirfd; `denied` is what a refusal prints.
#[track_caller]
fn check(kind: Kind, denied: &str, template: &str) {
    let (forbidden, free) = names(kind);
    let forbidden = cases(template, &forbidden);
    let free = cases(template, &free);

    let elsewhere = Rules::new().forbid("/nowhere/at/all");
    let open = results(&forbidden, &free, |_| Fence::open());
    let irrelevant = results(&forbidden, &free, |_| Fence::by_hand(&elsewhere));
    let fenced = results(&forbidden, &free, |scratch| Fence::by_hand(&scratch.rules()));

    for (case, result) in forbidden.iter().chain(&free).zip(&open) {
        let made = !result.contains("EACCES") && !result.contains("died");
        assert!(made, "without a fence: {case}: {result}");
    }
    for ((case, open), irrelevant) in forbidden.iter().chain(&free).zip(&open).zip(&irrelevant) {
        assert_eq!(irrelevant, open, "with rules about something else: {case}");
    }
    let (refused, passed) = fenced.split_at(forbidden.len());
    for (case, result) in forbidden.iter().zip(refused) {
        let result = result.strip_prefix("ok; ").unwrap_or(result);
        assert_eq!(result, denied, "{case}");
    }
    for ((case, result), open) in free.iter().zip(passed).zip(&open[forbidden.len()..]) {
        assert_eq!(result, open, "an allowed twin: {case}");
    }
}

/// The names that a row is tried on: forbidden ones, and free ones.
fn names(kind: Kind) -> (Vec<&'static str>, Vec<&'static str>) {
    match kind {
        Kind::File => (
            vec!["secret", "closed/secret", "closed/inner/secret"],
            vec!["twin", "open/twin", "open/inner/twin", "secretary", "closed-by/twin"],
        ),
        Kind::Directory => (
            vec!["closed", "closed/", "closed/.", "closed/inner"],
            vec!["open", "open/", "open/.", "open/inner", "closed-by", ""],
        ),
        Kind::New => (
            vec!["closed/new", "closed/inner/new"],
            vec!["open/new", "open/inner/new", "closed-by/new", "closed-new"],
        ),
        Kind::Link => (vec!["closed/link"], vec!["open/link", "closed-by/link", "to-closed"]),
    }
}

/// The command lines for these names, each name in every form.
fn cases(template: &str, names: &[&str]) -> Vec<String> {
    let mut cases = Vec::new();
    for name in names {
        let mut forms = vec![
            Form { from: None, dir: ".", path: format!("@/{name}") },
            Form { from: Some("@"), dir: ".", path: format!("./{name}") },
            Form { from: Some("@/open"), dir: ".", path: format!("../{name}") },
        ];
        if !name.is_empty() {
            forms.push(Form { from: Some("@"), dir: ".", path: (*name).to_owned() });
        }
        if template.contains("{dir}") {
            forms.extend([
                Form { from: None, dir: "@", path: format!("./{name}") },
                Form { from: None, dir: "path:@", path: format!(".//{name}") },
                Form { from: None, dir: "@/open", path: format!("../{name}") },
                // An absolute path makes the dirfd of no account.
                Form { from: None, dir: "99", path: format!("@/{name}") },
            ]);
        }
        for form in forms {
            // A name that no other case has made.
            let new = format!("{}{}", form.path, cases.len());
            let call = template.replace("{new}", &new).replace("{path}", &form.path);
            let call = call.replace("{dir}", form.dir);
            cases.push(match form.from {
                Some(from) => format!("chdir {from} , {call}"),
                None => call,
            });
        }
    }
    cases
}

/// What the cases print inside a fence around a fresh tree.
#[track_caller]
fn results(
    forbidden: &[String],
    free: &[String],
    fence: impl FnOnce(&Scratch) -> Fence,
) -> Vec<String> {
    let scratch = tree();
    let fence = fence(&scratch);
    let cases: Vec<_> = forbidden.iter().chain(free).map(|case| scratch.words(case)).collect();
    fence.calls(&cases).iter().map(|result| scratch.generic(result)).collect()
}

/// A scratch tree with siblings, and with a link in each directory.
fn tree() -> Scratch {
    let scratch = Scratch::new();
    scratch.file("secretary", "twin\n");
    scratch.directory("closed-by");
    scratch.file("closed-by/twin", "twin\n");
    for directory in ["closed", "open", "closed-by"] {
        scratch.link(&format!("{directory}/link"), "target");
    }
    scratch.link("to-closed", "closed");
    scratch
}

/// A test for each row, named for what it claims.
macro_rules! rows {
    ($($claim:ident: $kind:ident, $denied:literal, $template:literal;)*) => {
        $(
            #[test]
            fn $claim() {
                $crate::paths::check($crate::paths::Kind::$kind, $denied, $template);
            }
        )*
    };
}
use rows;
