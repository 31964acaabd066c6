//! `ringfence.audit`: how denials are reported.

use ringfence_policy::{Console, PathPattern};

use crate::read::document::{AuditTo, Document};
use crate::read::mistakes::Mistake;
use crate::read::patterns::{Context, Kind};
use crate::read::shape::{self, Field, Section};
use crate::read::span::Span;

/// Reads the section.
pub(super) fn audit(field: Field<'_>, document: &mut Document, context: &mut Context<'_>) {
    let known = ["to", "console", "rate", "frames"];
    let name = "ringfence.audit";
    let section = Section::open(name, field.key, field.value, &known, context.mistakes);
    let Some(section) = section else { return };
    if let Some(field) = section.get("to") {
        let to = match field.value.text() {
            Some("stderr") => Some(AuditTo::Stderr),
            Some("none") => Some(AuditTo::None),
            _ => context.places(&section.path("to"), field.value, Kind::Path).and_then(|places| {
                match places.into_iter().next()? {
                    PathPattern::Literal(path) | PathPattern::Glob(path) => {
                        Some(AuditTo::File(path))
                    }
                }
            }),
        };
        set(&mut document.audit.to, to, field, &section, &mut document.audit_places, context);
    }
    if let Some(field) = section.get("console") {
        let words = [("denials", Console::Denials), ("none", Console::None)];
        let console = shape::word(&section.path("console"), field.value, &words, context.mistakes);
        set(
            &mut document.audit.console,
            console,
            field,
            &section,
            &mut document.audit_places,
            context,
        );
    }
    if let Some(field) = section.get("rate") {
        let name = section.path("rate");
        let rate = shape::number(&name, field.value, 1..=1_000_000, context.mistakes);
        set(&mut document.audit.rate, rate, field, &section, &mut document.audit_places, context);
    }
    if let Some(field) = section.get("frames") {
        let name = section.path("frames");
        let frames = shape::number(&name, field.value, 0..=1_000, context.mistakes);
        set(
            &mut document.audit.frames,
            frames,
            field,
            &section,
            &mut document.audit_places,
            context,
        );
    }
}

/// Sets a value that all sources together can have only once.
fn set<T: PartialEq>(
    slot: &mut Option<T>,
    value: Option<T>,
    field: Field<'_>,
    section: &Section<'_>,
    places: &mut Vec<Span>,
    context: &mut Context<'_>,
) {
    let Some(value) = value else { return };
    let name = field.key.text();
    match slot {
        Some(other) if *other != value => {
            let mistake =
                Mistake::new("RF114", format!("`{}.{name}` has two values", section.name))
                    .at(field.key, "and another here");
            let first = places.iter().find(|place| place.text() == name);
            context.mistakes.add(match first {
                Some(first) => mistake.second(first, "one value here"),
                None => mistake,
            });
        }
        _ => {
            *slot = Some(value);
            places.push(field.key.clone());
        }
    }
}
