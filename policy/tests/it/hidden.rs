//! The variables that children do not get.

use ringfence_policy::{CompileError, Image, Policy, compile};

fn hides(patterns: &[&str], name: &str) -> bool {
    let hidden = patterns.iter().map(|pattern| pattern.as_bytes().to_vec()).collect();
    let bytes = compile(&Policy { hidden, ..Policy::default() }).expect("compiles");
    let image = Image::parse(&bytes).expect("an image");
    assert_eq!(image.hides_any(), !patterns.is_empty());
    image.hides(name.as_bytes())
}

#[test]
fn a_name_is_hidden_by_itself_and_by_wildcards() {
    for (patterns, name, expected) in [
        (&[][..], "A", false),
        (&["A"], "A", true),
        (&["A"], "AB", false),
        (&["A"], "a", false),
        (&["SECRET_*"], "SECRET_", true),
        (&["SECRET_*"], "SECRET_KEY", true),
        (&["SECRET_*"], "A_SECRET_KEY", false),
        (&["B", "*_KEY"], "API_KEY", true),
        (&["A?"], "AB", true),
        (&["A?"], "A", false),
        (&["*"], "", true),
    ] {
        assert_eq!(hides(patterns, name), expected, "{patterns:?} {name}");
    }
}

#[test]
fn what_is_no_name_has_no_image() {
    for name in ["", "A=B", "A\0"] {
        let policy = Policy { hidden: vec![name.into()], ..Policy::default() };
        assert_eq!(compile(&policy), Err(CompileError::NotVariable { name: name.into() }));
    }
}
