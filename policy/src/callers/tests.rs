use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::format::BODY_AT;
use crate::image::seal;
use crate::{Image, Policy, RuleIndex, compile};

fn image() -> Vec<u8> {
    let rule = |prefix: &str, effect| CallerRule {
        id: "threads[0]".into(),
        section: "threads".into(),
        kind: CallerKind::Java,
        prefix: prefix.into(),
        effect,
        place: Place { file: "policy.yml".into(), line: 1, column: 1 },
    };
    let callers = Callers {
        threads: vec![rule("a.b", Effect::Allow), rule("a.b.C", Effect::Forbid)],
        plugin_files: vec![FileId { device: 1, inode: 2 }],
        plugin_directories: vec![b"/app/plugins".to_vec()],
        ..Callers::default()
    };
    compile(&Policy { callers, ..Policy::default() }).unwrap()
}

#[test]
fn each_list_of_each_kind_is_a_group_of_its_own() {
    let lists = [List::Threads, List::Processes, List::Subjects, List::Services, List::Loaders];
    let groups = lists.iter().flat_map(|list| CallerKind::ALL.map(|kind| list.group(kind)));
    assert!(groups.eq(0..u32::try_from(List::GROUPS).unwrap()));
}

#[test]
fn a_rule_about_a_symbol_is_about_a_part_of_its_object_alone() {
    let rule = |kind, prefix: &str| CallerRule {
        id: "threads[0]".into(),
        section: "threads".into(),
        kind,
        prefix: prefix.into(),
        effect: Effect::Allow,
        place: Place { file: "policy.yml".into(), line: 1, column: 1 },
    };
    let native = ["liba.so!start", "/opt/libb.so", "libc.so.1!x"];
    let mut threads = native.map(|prefix| rule(CallerKind::Native, prefix)).to_vec();
    threads.push(rule(CallerKind::Java, "libd.so!x"));
    let callers = Callers { threads, ..Callers::default() };
    let bytes = compile(&Policy { callers, ..Policy::default() }).unwrap();
    let image = Image::parse(&bytes).unwrap();
    let has_parts = |creation, name: &str| {
        image.callers(creation, CallerKind::Native).names_parts_of(name.as_bytes())
    };
    for (name, expected) in [
        ("liba.so", true),
        ("liba.so!start", false),
        ("liba", false),
        ("/opt/libb.so", false),
        ("libc.so", false),
        ("libc.so.1", true),
        ("libd.so", false),
        ("", false),
    ] {
        assert_eq!(has_parts(Creation::Thread, name), expected, "{name}");
        assert!(!has_parts(Creation::Process, name), "{name}");
    }
    let list = image.callers(Creation::Thread, CallerKind::Native);
    assert!(matches!(list.judge(b"liba.so!start"), CallerVerdict::Authorized(_)));
    assert!(matches!(list.judge(b"liba.so!start.cold"), CallerVerdict::Authorized(_)));
    assert_eq!(list.judge(b"liba.so!started"), CallerVerdict::Unnamed);
    assert_eq!(list.judge(b"liba.so"), CallerVerdict::Unnamed);
}

#[test]
fn a_list_whose_texts_are_not_there_forbids() {
    let records = [[key(b"a", 0), u64::MAX, 0]];
    let records = records.map(|words| {
        let mut record = [0; 24];
        let (places, _) = record.as_chunks_mut::<8>();
        places.iter_mut().zip(words).for_each(|(place, word)| *place = word.to_le_bytes());
        record
    });
    let list = CallerList::new((&[[1; 8]], &records), b"", 0);
    assert_eq!(list.judge(b"a.B"), CallerVerdict::Forbidden(RuleIndex::UNJUDGED));
    let none = CallerList::new((&[], &records), b"", 0);
    assert!(none.has_authorized() && !none.is_empty(), "an image without groups");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// With the checksum put right, whatever the bytes are: no panic and no endless loop.
    #[test]
    fn a_forged_list_is_read_within_its_bounds(
        forged in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..30),
    ) {
        let mut bytes = image();
        for (at, value) in forged {
            let at = BODY_AT + at.index(bytes.len() - BODY_AT);
            bytes[at] = value;
        }
        // Where that fails, the forgery is one that is noticed.
        let _ = seal(&mut bytes);
        let Ok(image) = Image::parse(&bytes) else { return Ok(()) };
        for name in ["a.b.C", "a.b", "x", ""] {
            let list = image.callers(Creation::Thread, CallerKind::Java);
            let _ = list.names_parts_of(name.as_bytes());
            if let CallerVerdict::Forbidden(rule) = list.judge(name.as_bytes()) {
                let _ = image.rule(rule).is_some();
            }
            let _ = image.is_subject(CallerKind::Native, name.as_bytes());
        }
        let _ = image.is_plugin_file(FileId { device: 1, inode: 2 });
        let _ = image.plugin_directories().count();
    }
}
