//! `ringfence.tests`: what the author of a policy expects of it.

use crate::read::document::{Document, Subject, Test, Text};
use crate::read::mistakes::{Mistake, Mistakes};
use crate::read::patterns::Context;
use crate::read::shape::{self, Field, Section};
use crate::read::yaml::Node;

/// Reads the list.
pub(super) fn tests(field: Field<'_>, document: &mut Document, context: &mut Context<'_>) {
    let items = shape::list("ringfence.tests", field.value, context.mistakes).unwrap_or_default();
    for (at, item) in items.iter().enumerate() {
        let name = format!("tests[{at}]");
        document.tests.extend(test(&name, item, context.mistakes));
    }
}

fn test(name: &str, item: &Node, mistakes: &mut Mistakes) -> Option<Test> {
    let known = ["name", "read", "write", "thread", "process", "by", "expect"];
    let section = Section::open(name, &item.span, item, &known, mistakes)?;
    let subjects = [
        ("read", Subject::Read),
        ("write", Subject::Write),
        ("thread", Subject::Thread),
        ("process", Subject::Process),
    ];
    let mut given =
        subjects.iter().filter_map(|(key, subject)| Some((*key, *subject, section.get(key)?)));
    let title = "asks for one of `read`, `write`, `thread` and `process`";
    let Some((key, subject, field)) = given.next() else {
        mistakes.add(
            Mistake::new("RF104", format!("`{name}` {title}")).at(section.span, "asks for nothing"),
        );
        return None;
    };
    if let Some((_, _, other)) = given.next() {
        mistakes.add(
            Mistake::new("RF113", format!("`{name}` {title}"))
                .at(other.key, "one too many")
                .second(field.key, "asks for this"),
        );
    }
    let target = shape::text(&section.path(key), field.value, mistakes)?;
    let Some(expect) = section.get("expect") else {
        mistakes.add(
            Mistake::new("RF104", format!("`{name}` has no `expect`"))
                .at(section.span, "expects nothing")
                .help("add `expect: deny` or `expect: allow`"),
        );
        return None;
    };
    let words = [("deny", true), ("allow", false)];
    let denied = shape::word(&section.path("expect"), expect.value, &words, mistakes)?;
    let by = section.get("by").map_or(Vec::new(), |by| match by.value.list() {
        Some(_) => shape::texts(&section.path("by"), by.value, mistakes),
        None => shape::text(&section.path("by"), by.value, mistakes)
            .map(|text| (text, by.value))
            .into_iter()
            .collect(),
    });
    let title = section.get("name");
    Some(Test {
        name: title.and_then(|field| {
            shape::text(&section.path("name"), field.value, mistakes).map(str::to_owned)
        }),
        subject,
        target: Text::at(target, &field.value.span),
        by: by.into_iter().map(|(text, node)| Text::at(text, &node.span)).collect(),
        denied,
    })
}
