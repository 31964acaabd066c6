//! Verdicts, case by case; each on both matchers.

use ringfence_policy::{Access, Image, compile, reference};

use crate::support::{access, policy};

/// What a policy refuses at a path: `nothing`, `everything`, or the words of the accesses.
#[track_caller]
fn refused(rules: &str, path: &str) -> Access {
    let policy = policy(rules);
    let bytes = compile(&policy).expect("the policy compiles");
    let image = Image::parse(&bytes).expect("the image is whole");
    let decision = image.decide(path.as_bytes());
    assert_eq!(decision, reference::decide(&policy, path.as_bytes()), "the matchers differ");
    decision.refused()
}

fn expected(words: &str) -> Access {
    match words {
        "nothing" => Access::NONE,
        "everything" => Access::ALL,
        words => words.split(' ').fold(Access::NONE, |set, word| {
            set | access(word).unwrap_or_else(|| panic!("{word} is no access"))
        }),
    }
}

macro_rules! cases {
    ($($claim:ident: $rules:literal, $path:literal => $refused:literal;)*) => {
        $(#[test] fn $claim() { assert_eq!(refused($rules, $path), expected($refused)); })*
    };
}

cases! {
    no_rules_refuse_nothing: "", "/etc/passwd" => "nothing";
    a_place_is_covered: "forbid /etc", "/etc" => "everything";
    what_lies_beneath_is_covered: "forbid /etc", "/etc/ssl/private/key.pem" => "everything";
    a_longer_name_is_not_covered: "forbid /etc", "/etcetera" => "nothing";
    a_shorter_name_is_not_covered: "forbid /etcetera", "/etc" => "nothing";
    an_ancestor_is_not_covered: "forbid /etc/ssl", "/etc" => "nothing";
    a_sibling_is_not_covered: "forbid /etc/ssl", "/etc/passwd" => "nothing";
    the_same_name_elsewhere_is_not_covered: "forbid /a/b", "/b" => "nothing";
    the_same_name_deeper_is_not_covered: "forbid /a/b", "/a/c/b" => "nothing";
    the_root_covers_itself: "forbid /", "/" => "everything";
    the_root_covers_all: "forbid /", "/srv/data" => "everything";
    every_name_of_a_rule_counts: "forbid /var/run /run", "/run/secrets" => "everything";
    bytes_are_compared_not_letters: "forbid /Etc", "/etc" => "nothing";
    a_bracket_is_literal: "forbid /srv/[ab]*", "/srv/a" => "nothing";
    a_bracket_matches_itself: "forbid /srv/[ab]*", "/srv/[ab]c" => "everything";

    only_the_access_is_refused: "forbid:write /etc", "/etc/passwd" => "write";
    accesses_of_several_rules_add_up:
        "forbid:write /a; forbid:read /a/b", "/a/b/c" => "read write";
    the_longer_exception_wins: "forbid /etc; allow /etc/ssl", "/etc/ssl/certs" => "nothing";
    the_exception_ends_at_its_place: "forbid /etc; allow /etc/ssl", "/etc/ssh" => "everything";
    the_longer_rule_wins_within_an_exception:
        "forbid /etc; allow /etc/ssl; forbid /etc/ssl/private", "/etc/ssl/private/k" => "everything";
    an_exception_lifts_only_its_access:
        "forbid /etc; allow:read,list /etc/ssl", "/etc/ssl/certs" => "write execute metadata";
    the_longest_is_found_for_each_access:
        "forbid:read,write /a; allow:read /a/b; forbid:read /a/b/c; allow:write /a/b/c/d",
        "/a/b/c/d" => "read";
    a_shorter_exception_lifts_nothing: "allow /a; forbid /a/b", "/a/b" => "everything";
    a_tie_is_refused: "forbid /a/b; allow /a/b", "/a/b" => "everything";
    a_tie_is_refused_in_any_order: "allow /a/b; forbid /a/b", "/a/b" => "everything";
    an_exception_alone_refuses_nothing: "allow:read /a", "/a" => "nothing";
    a_fixed_rule_is_not_lifted: "fixed /a; allow /a/b", "/a/b" => "everything";
    a_fixed_rule_holds_for_its_access: "fixed:write /a; forbid:read /a; allow /a/b", "/a/b" => "write";
    a_longer_rule_beside_a_fixed_one: "fixed:write /a; forbid /a/b", "/a/b/c" => "everything";

    a_star_is_one_component: "forbid /home/*/.ssh", "/home/ann/.ssh/id" => "everything";
    a_star_is_not_none: "forbid /home/*/.ssh", "/home/.ssh" => "nothing";
    a_star_is_not_two: "forbid /home/*/.ssh", "/home/ann/old/.ssh" => "nothing";
    a_star_covers_what_lies_beneath: "forbid /srv/*.key", "/srv/a.key/x" => "everything";
    a_star_matches_nothing_within_a_name: "forbid /srv/a*b", "/srv/ab" => "everything";
    a_star_matches_a_leading_dot: "forbid /srv/*", "/srv/.env" => "everything";
    the_parent_of_a_star_is_free: "forbid /srv/*", "/srv" => "nothing";
    several_stars_within_a_name: "forbid /srv/a*b*c", "/srv/axbxbxc" => "everything";
    several_stars_that_do_not_fit: "forbid /srv/a*b*c", "/srv/axbxbx" => "nothing";
    a_question_mark_is_one_byte: "forbid /srv/?", "/srv/a" => "everything";
    a_question_mark_is_not_two_bytes: "forbid /srv/?", "/srv/ab" => "nothing";
    a_question_mark_is_not_none: "forbid /srv/a?", "/srv/a" => "nothing";
    two_stars_are_no_component: "forbid /srv/**/.env", "/srv/.env" => "everything";
    two_stars_are_many_components: "forbid /srv/**/.env", "/srv/a/b/c/.env" => "everything";
    two_stars_at_the_start: "forbid /**/.netrc", "/home/ann/.netrc" => "everything";
    two_stars_keep_whole_names: "forbid /srv/**/.env", "/srv/a/x.env" => "nothing";
    two_stars_at_the_end_cover_the_place: "forbid /srv/**", "/srv" => "everything";
    two_stars_at_the_end_cover_beneath: "forbid /srv/**", "/srv/a/b" => "everything";
    two_stars_alone_are_everything: "forbid /**", "/" => "everything";
    two_stars_twice: "forbid /**/a/**/b", "/x/a/y/z/b" => "everything";
    two_stars_twice_in_order: "forbid /**/a/**/b", "/x/b/y/z/a" => "nothing";
    two_stars_come_back: "forbid /**/a/b", "/a/a/b" => "everything";
    two_stars_within_a_name_are_one: "forbid /srv/a**b", "/srv/axb" => "everything";
    two_stars_within_a_name_stay_there: "forbid /srv/a**b", "/srv/a/b" => "nothing";

    two_stars_at_the_end_are_no_length: "forbid /srv/**; allow /srv/pub", "/srv/pub/x" => "nothing";
    a_glob_has_the_length_it_matches: "forbid /srv/*/x; allow /srv/a", "/srv/a/x" => "everything";
    a_longer_exception_lifts_a_glob: "forbid /srv/*; allow /srv/a/x", "/srv/a/x" => "nothing";
    a_literal_of_the_same_length_does_not: "forbid /srv/*; allow /srv/a", "/srv/a" => "everything";
    a_glob_forbids_by_its_longest_match:
        "forbid /srv/**/.git; allow /srv/.git/b", "/srv/.git/b/.git/c" => "everything";
    a_glob_excepts_by_its_shortest_match:
        "allow /srv/**/pub; forbid /srv/pub/a", "/srv/pub/a/pub" => "everything";
    a_glob_excepts: "forbid /home; allow:metadata /home/*", "/home/ann" => "read write list execute";

    a_relative_path_is_refused: "", "etc/passwd" => "everything";
    an_empty_path_is_refused: "", "" => "everything";
}

#[test]
fn the_rule_that_refuses_is_named() {
    let policy = policy("forbid:write /a; forbid /a/b; forbid:read /a/b; allow:metadata /a/b/c");
    let bytes = compile(&policy).expect("the policy compiles");
    let image = Image::parse(&bytes).expect("the image is whole");
    let decision = image.decide(b"/a/b/c");
    let number = |access| decision.refuses(access).map(|index| index.number());
    assert_eq!(number(Access::READ), Some(1), "the first of two of the same length");
    assert_eq!(number(Access::WRITE), Some(1), "the longer of two");
    assert_eq!(number(Access::METADATA), None);
    assert_eq!(number(Access::METADATA | Access::LIST), Some(1));
}

#[test]
fn a_path_without_end_takes_no_longer_than_it_has_bytes() {
    // Exponential time would show as a test that does not end.
    let rules = "forbid /**/a/**/a/**/a/**/a/**/a/**/a/**/b; forbid /*a*a*a*a*a*a*a*a*b";
    let deep = "/a".repeat(1000);
    assert_eq!(image_refuses(rules, &deep), Access::NONE);
    assert_eq!(image_refuses(rules, &format!("{deep}/b")), Access::ALL);
    assert_eq!(image_refuses(rules, &format!("/{}", "a".repeat(4000))), Access::NONE);
}

fn image_refuses(rules: &str, path: &str) -> Access {
    let bytes = compile(&policy(rules)).expect("the policy compiles");
    Image::parse(&bytes).expect("the image is whole").decide(path.as_bytes()).refused()
}
