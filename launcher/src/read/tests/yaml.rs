//! The YAML tree: places, anchors, limits, and agreement with serde_yaml.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use annotate_snippets::Renderer;
use proptest::prelude::*;

use crate::read::mistakes::Mistake;
use crate::read::span::Source;
use crate::read::values::{self, Value};
use crate::read::yaml::{self, Node, Style};
use crate::read::{render, yaml::Value as Written};

fn read(text: &str) -> Result<Vec<Node>, Mistake> {
    yaml::documents(&Source::new("t.yaml", text))
}

fn one(text: &str) -> Node {
    let mut documents = read(text).expect("YAML");
    assert_eq!(documents.len(), 1, "{text}");
    documents.remove(0)
}

/// The message for a text that is refused.
fn refused(text: &str) -> String {
    render::text(&read(text).expect_err("the text is refused"), &Renderer::plain())
}

#[test]
fn each_node_knows_its_place_and_text() {
    let root = one("a: 1\nlist:\n  - \"é x\"\n  - {b: ~}\n");
    let list = root.get("list").expect("list");
    assert_eq!(list.span.to_string(), "t.yaml:3:3");
    let items = list.list().expect("items");
    assert_eq!(items[0].span.to_string(), "t.yaml:3:5");
    assert_eq!(items[0].span.text(), "\"é x\"");
    assert_eq!(items[0].value, Written::Scalar("é x".into(), Style::Quoted));
    let null = items[1].get("b").expect("b");
    assert_eq!((null.span.to_string().as_str(), null.span.text()), ("t.yaml:4:9", "~"));
    assert!(null.is_null());
    assert_eq!(root.map().expect("map")[1].key.span.text(), "list");
}

#[test]
fn places_survive_byte_order_marks_carriage_returns_and_wide_characters() {
    let crlf = one("\u{feff}a: 1\r\n# ü𝄞\r\nb: ü\r\nc: /x\r\n");
    for (key, place, text) in
        [("a", "t.yaml:1:5", "1"), ("b", "t.yaml:3:4", "ü"), ("c", "t.yaml:4:4", "/x")]
    {
        let node = crlf.get(key).expect(key);
        assert_eq!((node.span.to_string().as_str(), node.span.text()), (place, text));
    }
}

#[test]
fn a_part_of_a_span_counts_characters() {
    let node = one("a: üb/cd");
    let scalar = node.get("a").expect("a");
    let part = scalar.span.part(4..6);
    assert_eq!((part.text(), part.to_string().as_str()), ("cd", "t.yaml:1:7"));
}

#[test]
fn several_documents_are_read_and_empty_ones_left_out() {
    assert_eq!(read("---\na: 1\n---\n# nothing\n---\n- b\n").expect("YAML").len(), 2);
    assert!(read("").expect("YAML").is_empty());
}

#[test]
fn aliases_and_merge_keys_are_resolved() {
    let root = one("base: &b {x: 1, y: 2}\nuse:\n  <<: *b\n  y: 3\nlist: [*b]\n");
    let merged = values::value(root.get("use").expect("use"));
    assert_eq!(values::text(&merged).expect("text"), "y: 3\nx: 1\n");
    assert_eq!(
        root.get("list").expect("list").list().expect("list")[0].map().map(<[_]>::len),
        Some(2)
    );
}

#[test]
fn of_two_merged_maps_the_earlier_wins() {
    let root = one("a: &a {k: 1}\nb: &b {k: 2, l: 3}\nc: {<<: [*a, *b]}\n");
    let merged = values::value(root.get("c").expect("c"));
    assert_eq!(values::text(&merged).expect("text"), "k: 1\nl: 3\n");
}

#[test]
fn rf001_not_yaml() {
    let message = refused("a: [1, 2\nb: 3\n");
    assert!(message.starts_with("error[RF001]: not YAML: "), "{message}");
    assert!(message.contains(" --> t.yaml:2:"), "{message}");
}

#[test]
fn rf002_a_tab_in_the_indentation() {
    let message = refused("kestra:\n\tee: 1\n");
    assert_eq!(
        message,
        "error[RF002]: a tab in the indentation
 --> t.yaml:2:1
  |
2 |     ee: 1
  | ^^^^ tab
  |
  = help: YAML is indented with spaces only"
    );
}

#[test]
fn rf002_a_tab_is_found_wherever_the_parser_stops() {
    for (text, place) in [
        ("a:\n  b: 1\n\tc: 2\n", "t.yaml:3:1"),
        ("a:\n\t- x\n", "t.yaml:2:1"),
        ("a:\n  - x\n\t- y\n", "t.yaml:3:1"),
        ("x:\n  - [\n\t1]\n", "t.yaml:3:1"),
        ("x:\n  y: |\n\tfoo\n", "t.yaml:3:1"),
        ("a:\n  b:\n \tc: 1\n", "t.yaml:3:2"),
    ] {
        let mistake = read(text).expect_err("a tab");
        let at = mistake.at.as_ref().map(ToString::to_string);
        assert_eq!((mistake.code, at.as_deref()), ("RF002", Some(place)), "{text:?}");
    }
}

#[test]
fn rf004_a_text_that_is_too_large_is_refused_unread() {
    let start = Instant::now();
    let message = refused(&"- a\n".repeat(25 << 20));
    assert!(message.starts_with("error[RF004]: `t.yaml` is larger than 16 MiB"), "{message}");
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
fn rf005_deep_nesting_is_refused_in_every_style() {
    let mut block = String::new();
    for depth in 0..200 {
        let _ = writeln!(block, "{}a:", " ".repeat(depth));
    }
    for text in ["[".repeat(1 << 20), "- ".repeat(1 << 20), "{a: ".repeat(1 << 18), block] {
        let start = Instant::now();
        let code = read(&text).expect_err("too deep").code;
        // The parser has a limit of its own for brackets, which is reached while it looks ahead.
        assert!(["RF005", "RF001"].contains(&code), "{code}");
        assert!(start.elapsed() < Duration::from_secs(10), "{code}");
    }
    let fits = format!("{}{}", "[".repeat(128), "]".repeat(128));
    assert!(read(&fits).is_ok());
}

#[test]
fn rf005_depth_made_by_aliases_counts() {
    let mut text = format!("- &a0 {}{}\n", "[".repeat(100), "]".repeat(100));
    for level in 1..10 {
        let _ = writeln!(text, "- &a{level} {}*a{}{}", "[".repeat(20), level - 1, "]".repeat(20));
    }
    assert_eq!(read(&text).expect_err("too deep").code, "RF005");
}

#[test]
fn rf006_an_alias_bomb_is_refused_quickly() {
    let mut bomb = "- &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let aliases = vec![format!("*a{}", level - 1); 9].join(", ");
        let _ = writeln!(bomb, "- &a{level} [{aliases}]");
    }
    let start = Instant::now();
    let message = refused(&bomb);
    assert!(message.starts_with("error[RF006]: anchors and aliases multiply"), "{message}");
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
fn rf007_an_alias_inside_its_own_anchor() {
    assert_eq!(
        refused("a: &x [1, *x]\n"),
        "error[RF007]: an alias stands inside the node that it names
 --> t.yaml:1:11
  |
1 | a: &x [1, *x]
  |           ^^ the node would hold itself"
    );
}

#[test]
fn rf008_a_merge_key_without_a_map() {
    assert_eq!(
        refused("a:\n  <<: text\n"),
        "error[RF008]: `<<` takes a map, or a list of maps
 --> t.yaml:2:7
  |
2 |   <<: text
  |       ^^^^ not a map"
    );
}

/// What serde_yaml reads: each document as a value with its merge keys applied.
fn by_serde(text: &str) -> Result<Vec<Value>, String> {
    values::documents_by_serde_yaml(text)
}

fn by_us(text: &str) -> Option<Vec<Value>> {
    Some(read(text).ok()?.iter().map(values::value).collect())
}

/// Values that a policy or a flow may hold.
fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1e9..1e9).prop_map(Value::from),
        "[ -~éü\n\t]{0,12}".prop_map(Value::from),
        "(yes|no|0x1f|007|1e3|\\.5|~|null|\\.inf|-\\.INF|12:30|<<|=|0o17|\\+1|-0)"
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map("[a-z./ -]{0,6}", inner, 0..6).prop_map(|map| {
                Value::Mapping(map.into_iter().map(|(k, v)| (k.into(), v)).collect())
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_serde_yaml_writes_both_read_alike(value in any_value()) {
        let text = values::text(&value).expect("text");
        prop_assert_eq!(by_us(&text), by_serde(&text).ok().map(without_empty), "{}", text);
    }

    #[test]
    fn plain_scalars_are_typed_alike(text in "[-+.0-9xob_einfaEINFA:~]{1,7}") {
        let text = format!("k: {text}\n");
        if let (Some(ours), Ok(theirs)) = (by_us(&text), by_serde(&text)) {
            prop_assert_eq!(ours, theirs, "{}", text);
        }
    }

    /// Texts put together from the pieces of YAML: where both readers accept one, they agree.
    /// Each text ends in a newline: where one is missing after a block scalar, saphyr-parser adds
    /// it and libyaml does not.
    #[test]
    fn what_both_accept_they_read_alike(pieces in prop::collection::vec(
        prop::sample::select(vec![
            "a", "b: ", "- ", "\n", "\n  ", "\n    ", "'q'", "\"d\\n\"", "[", "]", "{", "}", ", ",
            "? ", ": ", "# c\n", "|\n  t\n", ">-\n  f\n", "1", "true", "~", "k: v\n", "- x\n", "---\n",
        ]), 0..14))
    {
        let text = pieces.concat();
        let text = format!("{}\n", text.trim_end_matches(' '));
        if let (Some(ours), Ok(theirs)) = (by_us(&text), by_serde(&text)) {
            prop_assert_eq!(ours, without_empty(theirs), "{}", text);
        }
    }

    #[test]
    fn no_text_panics(text in "[\\PC\n\t\r\u{feff}&*!|>%@`'\"{}\\[\\],:?#-]{0,60}") {
        let _ = read(&text);
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        let _ = read(&String::from_utf8_lossy(&bytes));
    }
}

fn without_empty(values: Vec<Value>) -> Vec<Value> {
    values.into_iter().filter(|value| !value.is_null()).collect()
}
