//! Relative paths that pass by their names: the claim of the module `names`.

use proptest::prelude::*;
use ringfence_policy::{Access, Audiences, Effect, Image, PathPattern, Policy, compile, reference};

use crate::support::{access, audience, policy, random_policy, random_policy_for_some};

/// All paths of at most `depth` components over names of the random policies, one of them rare.
fn tree(depth: usize) -> Vec<String> {
    let mut all = vec![String::new()];
    let mut level = vec![String::new()];
    for _ in 0..depth {
        level = level
            .iter()
            .flat_map(|dir| ["a", "b", "c"].map(|name| format!("{dir}/{name}")))
            .collect();
        all.extend(level.iter().cloned());
    }
    all
}

fn absolute(path: &str) -> &str {
    if path.is_empty() { "/" } else { path }
}

/// Whether a process can have a directory at a path: not at or beneath what a glob, or all literal
/// rules that name it, say is a file, if the process may not replace it.
fn may_be_directory(policy: &Policy, path: &str) -> bool {
    let beginnings = path.match_indices('/').map(|(at, _)| &path[..at]).chain([path]);
    !beginnings.filter(|beginning| !beginning.is_empty()).any(|place| is_file(policy, place))
}

fn is_file(policy: &Policy, place: &str) -> bool {
    let naming: Vec<(bool, bool)> = policy
        .rules
        .iter()
        .flat_map(|rule| rule.names.iter().map(|name| (name, rule.leaf)))
        .filter(|(name, _)| names(policy, name, place))
        .map(|(name, leaf)| (is_wild(name), leaf))
        .collect();
    let literals = || naming.iter().filter(|(wild, _)| !wild);
    let all_literals = literals().next().is_some() && literals().all(|(_, leaf)| *leaf);
    (all_literals || naming.contains(&(true, true)))
        && whoever(policy, place).contains(Access::WRITE)
}

/// What is refused at a path whoever calls: a process may hold what one of its callers may.
fn whoever(policy: &Policy, path: &str) -> Access {
    reference::decide_among(policy, path.as_bytes(), Audiences::ALL).refused()
}

fn is_wild(name: &PathPattern) -> bool {
    let PathPattern::Glob(glob) = name else { return false };
    String::from_utf8_lossy(glob).trim_end_matches("/**").contains(['*', '?'])
}

/// Whether a name of a rule is one of a place itself, so that a rule by this name alone refuses
/// the place and not its parent.
fn names(policy: &Policy, name: &PathPattern, place: &str) -> bool {
    let mut rule = policy.rules[0].clone();
    (rule.names, rule.effect, rule.access) = (vec![name.clone()], Effect::Forbid, Access::ALL);
    rule.audience = None;
    let alone = Policy { rules: vec![rule], ..Policy::default() };
    let refuses = |path: &str| !reference::decide(&alone, path.as_bytes()).refused().is_empty();
    let parent = place.rsplit_once('/').map_or("", |(parent, _)| parent);
    refuses(place) && !refuses(absolute(parent))
}

/// The first path that the shortcut lets through and the reference refuses.
fn leak(policy: &Policy) -> Option<String> {
    let bytes = compile(policy).expect("the policy compiles");
    let image = Image::parse(&bytes).expect("the image is whole");
    let accesses = image.by_names();
    for directory in tree(3) {
        let held = whoever(policy, absolute(&directory));
        if held == Access::ALL || !may_be_directory(policy, &directory) {
            continue;
        }
        for relative in tree(3) {
            let mut names = relative.split('/').skip(1);
            let target = format!("{directory}{relative}");
            if names.any(|name| image.is_rule_name(name.as_bytes())) {
                continue;
            }
            let refused = reference::decide(policy, absolute(&target).as_bytes()).refused();
            if refused.intersects(accesses) {
                return Some(format!("{relative} from {}", absolute(&directory)));
            }
        }
    }
    None
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_refused_passes_by_its_names(policy in random_policy(false)) {
        prop_assert_eq!(leak(&policy), None);
    }

    #[test]
    fn nothing_refused_passes_by_its_names_with_globs(policy in random_policy(true)) {
        prop_assert_eq!(leak(&policy), None);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// One caller holds a directory, and another, who is in no audience, goes on from there.
    #[test]
    fn nothing_refused_passes_by_its_names_from_what_others_hold(
        policy in random_policy_for_some(true),
    ) {
        prop_assert_eq!(leak(&policy), None);
    }
}

#[test]
fn an_exception_for_some_keeps_the_shortcut_only_where_it_is_for_a_file() {
    let by_names = |rules: &str| {
        let mut policy = policy(rules);
        for rule in policy.rules.iter_mut().filter(|rule| rule.effect == Effect::Allow) {
            rule.audience = Some(audience("h"));
        }
        let bytes = compile(&policy).expect("the policy compiles");
        let image = Image::parse(&bytes).expect("the image is whole");
        assert_eq!(image.whole(), Access::NONE);
        image.by_names()
    };
    assert_eq!(by_names("forbid /srv; allow:read,list,metadata,leaf /srv/conf"), Access::ALL);
    assert_eq!(by_names("forbid /srv; allow:write,leaf /srv/conf"), Access::NONE);
    assert_eq!(by_names("forbid /srv; allow /srv/in"), Access::NONE);
}

#[test]
fn a_fixed_rule_about_processes_leaves_other_names_alone() {
    let knows = |rules: &str, name: &str| {
        let bytes = compile(&policy(rules)).expect("a small policy");
        Image::parse(&bytes).expect("the image is whole").is_any_name(name.as_bytes())
    };
    let fixed = "forbid /etc; fixed:write,leaf /proc/*/mem; fixed:write,leaf /proc/*/task/*/mem; \
                 fixed:write,leaf /sys/fs/cgroup/**/release_agent; \
                 fixed:write,leaf /sys/fs/cgroup/cpu/**/release_agent";
    for name in ["etc", "proc", "task", "mem"] {
        assert!(knows(fixed, name), "{name}");
    }
    // No program makes, moves or removes the names for which these stars stand.
    assert!(!knows(fixed, "notes.txt"));
    // Those of other rules may be anybody's.
    assert!(knows("fixed:write,leaf /srv/*/mem", "notes.txt"));
    assert!(knows("forbid /proc/*/environ", "notes.txt"));
}

#[test]
fn a_name_that_matches_the_end_of_a_glob_is_one_of_a_rule() {
    let bytes = compile(&policy("forbid /etc/ssh/ssh_host_*_key; allow /srv/*.pub"));
    let bytes = bytes.expect("the policy compiles");
    let image = Image::parse(&bytes).expect("the image is whole");
    assert!(image.is_rule_name(b"ssh_host_rsa_key"));
    assert!(!image.is_rule_name(b"ssh_host_rsa_key.pub"), "no rule forbids by this name");
    assert!(!image.is_rule_name(b"sshd_config"));
}

#[track_caller]
fn by_names(rules: &str) -> Access {
    let bytes = compile(&policy(rules)).expect("the policy compiles");
    Image::parse(&bytes).expect("the image is whole").by_names()
}

fn expected(words: &str) -> Access {
    match words {
        "none" => Access::NONE,
        "all" => Access::ALL,
        words => words.split(' ').filter_map(access).fold(Access::NONE, |set, word| set | word),
    }
}

macro_rules! cases {
    ($($claim:ident: $rules:literal => $accesses:literal;)*) => {
        $(#[test] fn $claim() { assert_eq!(by_names($rules), expected($accesses)); })*
    };
}

cases! {
    without_rules_all_pass: "" => "all";
    exceptions_alone_refuse_nothing: "allow:read /etc/ssl; allow:read /srv/*" => "all";
    whole_rules_keep_all: "forbid /etc; forbid /srv/a" => "all";
    a_rule_about_writing_loses_writing: "forbid:write /srv" => "read list execute metadata";
    a_directory_that_may_be_read_loses_the_rest:
        "forbid /etc; allow:read,list,metadata /etc/ssl" => "read list metadata";
    a_directory_that_may_be_written_only_loses_the_rest: "forbid /srv; allow:write /srv/in" => "write";
    a_file_that_may_be_read_loses_nothing: "forbid /etc; allow:read,metadata,leaf /etc/cacerts" => "all";
    a_file_that_may_be_replaced_loses_the_rest:
        "forbid /etc; allow:write,metadata,leaf /etc/x" => "write metadata";
    a_fixed_file_loses_nothing: "fixed:write,leaf /run/image" => "all";
    a_fixed_directory_loses_its_access: "fixed:write /run/ringfence" => "read list execute metadata";
    a_place_that_is_a_file_for_one_rule_only:
        "forbid:write,leaf /srv/a; forbid:write /srv/a" => "read list execute metadata";
    a_whole_exception_keeps_all: "forbid /etc; allow /etc/ssl" => "all";
    a_rule_lifted_as_a_whole_keeps_all: "forbid /a; forbid:read /a/b; allow /a/b/c" => "all";
    a_glob_with_a_last_name_keeps_all: "forbid /home/*/.ssh" => "all";
    a_glob_that_ends_in_two_stars_has_a_last_name: "forbid /home/*/.ssh/**" => "all";
    a_glob_without_a_last_name_loses_its_access: "forbid:write /srv/*" => "read list execute metadata";
    a_glob_without_a_last_name_loses_all: "forbid /srv/*" => "none";
    a_glob_that_ends_in_a_pattern_keeps_all: "forbid /etc/ssh/ssh_host_*_key" => "all";
    too_many_patterns_lose_all:
        "forbid /a* /b* /c* /d* /e* /f* /g* /h* /i* /j* /k* /l* /m* /n* /o* /p* /q*" => "none";
    a_glob_of_files_keeps_all: "fixed:write,leaf /sys/**/release_agent" => "all";
    a_glob_beside_a_file_that_may_be_read:
        "forbid /etc; allow:read,leaf /etc/cacerts; forbid /home/*/.ssh" => "all";
    a_glob_beside_a_directory_that_may_be_read:
        "forbid /etc; allow:read /etc/ssl; forbid /home/*/.ssh" => "read";
    a_glob_beside_a_file_that_may_be_replaced:
        "forbid /*/etc; allow:write,metadata,leaf /a/etc/x" => "write metadata";
    a_glob_beside_a_file_in_a_directory_that_may_be_written:
        "forbid /*/etc; allow:write /a/etc/in; allow:read,leaf /a/etc/in/x" => "none";
    a_glob_of_files_that_may_be_replaced: "forbid:read,leaf /srv/*/x" => "write list execute metadata";
    a_glob_that_excepts_a_whole_beneath_a_part:
        "forbid /; forbid:read /a/b; allow /?" => "write list execute metadata";
    a_glob_that_excepts_a_part_loses_the_rest: "forbid /etc; allow:read /etc/*/certs" => "read";
    a_glob_that_excepts_a_whole_keeps_all: "forbid /etc; allow /etc/*/certs" => "all";
}
