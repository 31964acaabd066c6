#![expect(
    clippy::disallowed_types,
    clippy::disallowed_macros,
    clippy::expect_used,
    clippy::arithmetic_side_effects,
    reason = "tests"
)]

use super::*;

const SITE: Site = Site {
    method: b"start",
    kind: Some(b"()V"),
    hook_class: b"p/Hook",
    hook: b"check",
    hook_kind: b"(Ljava/lang/Thread;)V",
};

/// `class A { METHOD { CODE } }` with a stack map of one frame.
fn class(method: &[u8], code: &[u8], frame: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 52, 0, 11];
    let text = |bytes: &mut Vec<u8>, text: &[u8]| {
        let length = u16::try_from(text.len()).expect("a short text");
        bytes.extend([1]);
        bytes.extend(length.to_be_bytes());
        bytes.extend(text);
    };
    text(&mut bytes, b"A");
    bytes.extend([7, 0, 1]);
    text(&mut bytes, b"java/lang/Object");
    bytes.extend([7, 0, 3]);
    for name in [method, b"()V", b"Code", b"StackMapTable"] {
        text(&mut bytes, name);
    }
    // 9: the name and type, 10: `Object.METHOD`.
    bytes.extend([12, 0, 5, 0, 6, 10, 0, 4, 0, 9]);
    bytes.extend([0, 0x20, 0, 2, 0, 4, 0, 0, 0, 0, 0, 1, 0, 1, 0, 5, 0, 6, 0, 1, 0, 7]);
    let map = frame.len() + 2;
    let all = 12 + code.len() + 6 + map;
    bytes.extend(u32::try_from(all).expect("short").to_be_bytes());
    bytes.extend([0, 2, 0, 1]);
    bytes.extend(u32::try_from(code.len()).expect("short").to_be_bytes());
    bytes.extend(code);
    bytes.extend([0, 0, 0, 1, 0, 8]);
    bytes.extend(u32::try_from(map).expect("short").to_be_bytes());
    bytes.extend([0, 1]);
    bytes.extend(frame);
    bytes.extend([0, 0]);
    bytes
}

fn patched(class: &[u8], site: Site) -> Option<(Vec<u8>, u32)> {
    let mut into = vec![0; class.len() + GROWTH];
    let (length, calls) = patch(class, site, &mut into)?;
    into.truncate(length);
    Some((into, calls))
}

fn has(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[test]
fn the_call_stands_before_the_methods_own_code() {
    let plain = class(b"start", &[0x2a, 0x57, 0xb1], &[2]);
    let (bytes, calls) = patched(&plain, SITE).expect("a class");
    assert_eq!(calls, 1);
    // The length of the code, the call of constant 16, the code; no exceptions.
    assert!(has(&bytes, &[0, 0, 0, 7, 0x2a, 0xb8, 0, 16, 0x2a, 0x57, 0xb1, 0, 0]));
    // A frame at 2 is at 6 now.
    assert!(has(&bytes, &[0, 0, 0, 3, 0, 1, 6, 0, 0]));
}

#[test]
fn a_frame_that_gets_too_far_for_its_kind_gets_another_kind() {
    let plain = class(b"start", &[0x57; 64], &[62]);
    let (bytes, _) = patched(&plain, SITE).expect("a class");
    assert!(has(&bytes, &[0, 0, 0, 5, 0, 1, 251, 0, 66]));
}

#[test]
fn other_methods_stay_as_they_are() {
    let plain = class(b"stop", &[0x2a, 0x57, 0xb1], &[2]);
    let (bytes, calls) = patched(&plain, SITE).expect("a class");
    assert_eq!(calls, 0);
    assert!(has(&bytes, &[0, 0, 0, 3, 0x2a, 0x57, 0xb1]));
}

#[test]
fn in_a_constructor_the_call_stands_behind_the_superclasss() {
    let site = Site { method: b"<init>", kind: None, ..SITE };
    let plain = class(b"<init>", &[0x2a, 0xb7, 0, 10, 0xb1], &[4]);
    let (bytes, calls) = patched(&plain, site).expect("a class");
    assert_eq!(calls, 1);
    assert!(has(&bytes, &[0x2a, 0xb7, 0, 10, 0x2a, 0xb8, 0, 16, 0xb1]));
    // One that calls something else first is left alone.
    let other = class(b"<init>", &[0x2a, 0xb7, 0, 9, 0xb1], &[4]);
    assert!(patched(&other, site).is_none_or(|(_, calls)| calls == 0));
}

#[test]
fn what_ends_too_early_is_no_class() {
    let plain = class(b"start", &[0x2a, 0x57, 0xb1], &[2]);
    for length in 0..plain.len() {
        let part = plain.get(..length).expect("a part");
        assert!(patched(part, SITE).is_none(), "{length} bytes");
    }
}
