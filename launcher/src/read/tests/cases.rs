//! Every code with the whole text that a user sees: `cases/CODE-what.yaml` is read, and
//! `cases/CODE-what.txt` holds the messages. `accepted-*.yaml` are read without a word.
//!
//! `RINGFENCE_BLESS=1 cargo test` writes the texts anew; read the difference before you keep it.

use std::fs;
use std::path::{Path, PathBuf};

use annotate_snippets::Renderer;

use super::harness::world;
use crate::read::codes::CODES;
use crate::read::mistakes::Mistakes;
use crate::read::{self, render};

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/read/tests/cases")
}

/// The names of the cases, without `.yaml`.
fn names() -> Vec<String> {
    let entries = fs::read_dir(directory()).expect("the cases");
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    let names = names.filter_map(|name| Some(name.to_str()?.strip_suffix(".yaml")?.to_owned()));
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

/// The mistakes or warnings of a case, with names that do not depend on this checkout.
fn messages(name: &str) -> (bool, String) {
    let file = directory().join(format!("{name}.yaml"));
    let result = read::load(&[file.into()], &world(""));
    let (accepted, mistakes) = match result {
        Ok(document) => (true, document.warnings),
        Err(mistakes) => (false, mistakes),
    };
    (accepted, show(&mistakes))
}

fn show(mistakes: &Mistakes) -> String {
    let texts = mistakes.iter().map(|mistake| render::text(mistake, &Renderer::plain()) + "\n");
    let prefix = format!("{}/", directory().display());
    texts.collect::<Vec<_>>().join("\n").replace(&prefix, "")
}

#[test]
fn every_message_is_as_written() {
    let bless = std::env::var_os("RINGFENCE_BLESS").is_some();
    for name in names().iter().filter(|name| name.starts_with("RF")) {
        let (accepted, found) = messages(name);
        let code = &name[..5];
        assert!(found.contains(&format!("[{code}]: ")), "{name} does not show {code}:\n{found}");
        assert_eq!(accepted, code.starts_with("RF3"), "{name}");
        let file = directory().join(format!("{name}.txt"));
        if bless {
            fs::write(&file, &found).expect("written");
        }
        let expected = fs::read_to_string(&file).expect("the expected text");
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn what_is_accepted_is_accepted_without_a_word() {
    for name in names().iter().filter(|name| name.starts_with("accepted")) {
        let (accepted, found) = messages(name);
        assert!(accepted, "{name}:\n{found}");
        assert_eq!(found, "", "{name}");
    }
}

/// The codes of the reader that a text alone cannot bring about have their tests elsewhere.
const ELSEWHERE: [&str; 9] =
    ["RF004", "RF005", "RF006", "RF010", "RF011", "RF012", "RF305", "RF307", "RF308"];

/// Whether a code is about task defaults or about the launch.
fn of_others(code: &str) -> bool {
    ["RF013", "RF12", "RF303", "RF32", "RF33", "RF4"].iter().any(|start| code.starts_with(start))
}

#[test]
fn every_code_of_the_reader_has_a_case() {
    let names = names();
    for code in CODES.iter().map(|code| code.code).filter(|code| !of_others(code)) {
        let has_case = names.iter().any(|name| name.starts_with(code));
        assert!(has_case != ELSEWHERE.contains(&code), "{code}");
    }
}

#[test]
fn the_table_of_codes_is_sorted_and_says_something() {
    assert!(CODES.is_sorted_by(|one, next| one.code < next.code));
    for code in CODES {
        assert!(!code.title.is_empty() && code.text.len() > 40, "{}", code.code);
    }
}
