//! Properties of the engine and of the text that comes out of it.

use proptest::prelude::*;

use super::document::Document;
use super::entry::Level;
use super::value::{Map, Node, Origin, Value};
use super::{Aliases, Entry, Profile, edit, matches, resolve};
use crate::read::mistakes::{Mistake, Mistakes};
use crate::read::span::Source;

/// Types that match one another by prefix, by alias, and not at all.
const TYPES: [&str; 8] = ["a", "a.b", "a.b.C", "a.b.C$D", "a.bc", "x.Alias", "x", "a.b.C:1.0"];
const KEYS: [&str; 6] = ["k", "l", "child", "id", "é", "forced"];

fn aliases() -> Aliases {
    Aliases::new([("x.Alias", "a.b.C")])
}

fn value() -> impl Strategy<Value = Node> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        (0..9u8).prop_map(|number| Value::Number(number.to_string().into())),
        "[a-c #:'\"{}\n-]{0,6}".prop_map(|text| Value::Text(text.into())),
    ]
    .prop_map(Node::new);
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4)
                .prop_map(|items| Node::new(Value::List(items))),
            map(inner).prop_map(|map| Node::new(Value::Map(map))),
        ]
    })
}

/// A map whose `type`, when it has one, is one of ours.
fn map(inner: impl Strategy<Value = Node>) -> impl Strategy<Value = Map> {
    let entries = prop::collection::vec((prop::sample::select(&KEYS[..]), inner), 0..4);
    (prop::option::of(prop::sample::select(&TYPES[..])), entries).prop_map(|(of_type, entries)| {
        let of_type = of_type.map(|of_type| ("type", Node::new(Value::Text(of_type.into()))));
        of_type.into_iter().chain(entries).map(|(key, node)| (key.into(), node)).collect()
    })
}

fn entry() -> impl Strategy<Value = Entry> {
    let flags = (any::<bool>(), any::<bool>());
    (prop::sample::select(&TYPES[..]), flags, map(value())).prop_map(
        |(of_type, (forced, global), values)| Entry {
            of_type: of_type.into(),
            forced,
            reference: None,
            values,
            level: if global { Level::Global } else { Level::Flow },
        },
    )
}

fn flow() -> impl Strategy<Value = Node> {
    map(value()).prop_map(|map| Node::new(Value::Map(map)))
}

/// The same flow with the keys of every map in the opposite order.
fn reversed(node: &Node) -> Node {
    Node::new(match &node.value {
        Value::List(items) => Value::List(items.iter().map(reversed).collect()),
        Value::Map(map) => {
            Value::Map(map.iter().rev().map(|(key, node)| (key.clone(), reversed(node))).collect())
        }
        scalar => scalar.clone(),
    })
}

/// A forced entry that does not contradict itself, as one that has different values for a plugin
/// and for another in it would.
fn forced() -> impl Strategy<Value = Entry> {
    let texts = prop::collection::vec(Just(Node::new(Value::Text("t".into()))), 0..3);
    let value = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        texts.clone().prop_map(Value::List),
        texts.prop_map(|texts| {
            Value::Map(["m", "n"].map(Into::into).into_iter().zip(texts).collect())
        }),
    ];
    (prop::sample::select(&TYPES[..]), value).prop_map(|(of_type, value)| Entry {
        of_type: of_type.into(),
        forced: true,
        reference: None,
        values: [("forced".into(), Node::new(value))].into_iter().collect(),
        level: Level::Global,
    })
}

/// Whether a value holds what a forced one says: maps key by key, all else exactly.
fn holds(node: &Node, forced: &Node) -> bool {
    match (&node.value, &forced.value) {
        (Value::Map(map), Value::Map(values)) if !values.is_empty() => {
            values.iter().all(|(key, value)| map.get(key).is_some_and(|own| holds(own, value)))
        }
        _ => node == forced,
    }
}

/// Whether every plugin that the entry matches holds its values.
fn is_enforced(flow: &Node, entry: &Entry, aliases: &Aliases) -> bool {
    let mut enforced = true;
    flow.for_each_plugin(&mut |plugin_type, plugin| {
        if matches(&entry.of_type, plugin_type, aliases) {
            let forced = Node::new(Value::Map(entry.values.clone()));
            let plugin = Node::new(Value::Map(plugin.clone()));
            enforced &= entry.values.is_empty() || holds(&plugin, &forced);
        }
    });
    enforced
}

/// The text of a flow, as its author might have written it: in blocks, or in braces.
fn text(flow: &Node, braces: bool) -> String {
    if braces {
        return super::inline(flow);
    }
    let mut out = String::new();
    let style = super::emit::Style { blocks: true, json: false };
    match flow.map() {
        Some(map) if !map.is_empty() => style.entries(map, 0, &mut out),
        _ => out = super::inline(flow),
    }
    out + "\n"
}

proptest! {
    /// Among the global entries one has the highest rank, and whatever it forces is so wherever it
    /// matches: no flow, no task and no other entry can change it.
    #[test]
    fn the_strongest_forced_entry_holds_everywhere(
        flow in flow(),
        entries in prop::collection::vec(entry(), 0..5),
        strongest in forced(),
    ) {
        // The longest type there is, and last in the list.
        let strongest = Entry { of_type: "a.b.C$D".into(), ..strongest };
        let mut all = entries;
        all.push(strongest.clone());
        if let Ok(resolved) = resolve(&flow, &all, Profile::Ringfence, &aliases()) {
            prop_assert!(is_enforced(&resolved.flow, &strongest, &aliases()), "{:#?}", resolved.flow);
        }
    }

    /// A global forced entry holds whatever a flow says, and whatever that flow forces itself.
    #[test]
    fn a_forced_entry_of_the_policy_holds_against_any_flow(
        flow in flow(),
        entries in prop::collection::vec(entry(), 0..5),
        forced in forced(),
    ) {
        let of_the_flow = |entry| Entry { level: Level::Flow, ..entry };
        let mut all: Vec<Entry> = entries.into_iter().map(of_the_flow).collect();
        all.push(forced.clone());
        if let Ok(resolved) = resolve(&flow, &all, Profile::Ringfence, &aliases()) {
            prop_assert!(is_enforced(&resolved.flow, &forced, &aliases()), "{:#?}", resolved.flow);
        }
    }

    #[test]
    fn resolving_a_second_time_changes_nothing(
        flow in flow(),
        entries in prop::collection::vec(entry(), 0..5),
    ) {
        let aliases = aliases();
        if let Ok(once) = resolve(&flow, &entries, Profile::Ringfence, &aliases) {
            let again = authored(&once.flow);
            let twice = resolve(&again, &entries, Profile::Ringfence, &aliases)
                .expect("what ended once ends twice");
            prop_assert_eq!(twice.flow, once.flow);
        }
    }

    #[test]
    fn the_order_of_keys_does_not_matter(
        flow in flow(),
        entries in prop::collection::vec(entry(), 0..5),
        profile in prop::sample::select(&Profile::ALL[..]),
    ) {
        let aliases = aliases();
        let turned: Vec<Entry> = entries
            .iter()
            .map(|entry| {
                let values = reversed(&Node::new(Value::Map(entry.values.clone())));
                Entry { values: values.map().cloned().expect("a map"), ..entry.clone() }
            })
            .collect();
        let one = resolve(&flow, &entries, profile, &aliases).map(|resolved| resolved.flow);
        let other = resolve(&reversed(&flow), &turned, profile, &aliases).map(|resolved| resolved.flow);
        match (one, other) {
            (Ok(one), Ok(other)) => prop_assert_eq!(one, other),
            // Which of several circles is met first is a matter of order.
            (Err(super::Cycle { .. }), Err(super::Cycle { .. })) => {}
            (one, other) => prop_assert!(false, "one of them fails: {one:?} {other:?}"),
        }
    }

    /// A flow that has no changes is the flow, and one that has is not.
    #[test]
    fn changes_are_what_differs(
        flow in flow(),
        entries in prop::collection::vec(entry(), 0..5),
        profile in prop::sample::select(&Profile::ALL[..]),
    ) {
        if let Ok(resolved) = resolve(&flow, &entries, profile, &aliases()) {
            prop_assert_eq!(resolved.changes.is_empty(), resolved.flow == flow);
        }
    }

    /// Whatever changes, the text can be made to say it, and by small changes alone: a comment at
    /// its end survives.
    #[test]
    fn any_change_can_be_written(
        flow in flow(),
        entries in prop::collection::vec(entry(), 0..5),
        profile in prop::sample::select(&Profile::ALL[..]),
        braces in any::<bool>(),
    ) {
        let source = Source::new("flow.yaml", format!("{} # end\n", text(&flow, braces).trim_end()));
        let Ok(document) = Document::read(&source) else {
            return Err(TestCaseError::fail(format!("not read: {}", source.text)));
        };
        let flow = document.value(document.roots[0]).expect("a value");
        if let Ok(resolved) = resolve(&flow, &entries, profile, &aliases()) {
            let text = written(&document, &resolved.flow);
            prop_assert!(text.is_ok(), "{}\n{:#?}", source.text, resolved.flow);
        }
    }

    /// Nothing that somebody writes makes the reader or the engine panic.
    #[test]
    fn no_text_panics(text in "([-a-c:?&*|>'\"{}\\[\\], #\n!<]|type|a\\.b|  )*") {
        let source = Source::new("flow.yaml", text);
        if let Ok(document) = Document::read(&source) {
            for &root in &document.roots {
                let Ok(flow) = document.value(root) else { continue };
                let forced = Entry {
                    of_type: "a".into(),
                    forced: true,
                    reference: None,
                    values: [("k".into(), Node::new(Value::Text("v".into())))].into_iter().collect(),
                    level: Level::Global,
                };
                for profile in Profile::ALL {
                    let resolved = resolve(&flow, std::slice::from_ref(&forced), profile, &aliases());
                    if let (Ok(resolved), [_]) = (resolved, &document.roots[..]) {
                        // An anchor with signs in its name, right before a bracket, is refused (RF013).
                        let is_written = written(&document, &resolved.flow).is_ok();
                        prop_assert!(is_written || source.text.contains('&'), "{}", source.text);
                    }
                }
            }
        }
    }
}

/// The text of a document with this root.
fn written(document: &Document, flow: &Node) -> Result<String, Mistake> {
    edit::write(document, std::slice::from_ref(flow), &mut Mistakes::default())
}

/// The same flow as if its author had written all of it.
fn authored(node: &Node) -> Node {
    Node {
        origin: Origin::Author,
        value: match &node.value {
            Value::List(items) => Value::List(items.iter().map(authored).collect()),
            Value::Map(map) => {
                Value::Map(map.iter().map(|(key, node)| (key.clone(), authored(node))).collect())
            }
            scalar => scalar.clone(),
        },
    }
}
