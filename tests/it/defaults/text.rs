//! The text of a flow: only what has to change does.

use super::Kitchen;

const POLICY: &str = "\
kestra:
  plugins:
    defaults:
    - type: x.Log
      values: {level: ERROR}
    - type: x.Shell
      forced: true
      values: {image: safe, runner: {type: x.Docker}, volumes: [a]}
    - type: x.More
      values: {script: \"one\\ntwo\\n\", map: {a: {b: [1, {c: d}]}}, text: '{{ x }}'}
";

/// What the policy makes of a flow, in the profile.
#[track_caller]
fn becomes(flow: &str, profile: &str, expected: &str) {
    let answer = Kitchen::with_policy(POLICY).resolve(flow, &["--profile", profile]);
    assert!(answer.status < 2, "{}", answer.err);
    assert_eq!(answer.out, expected);
}

/// A case: the flow and its text with defaults in the profile `ringfence`.
macro_rules! texts {
    ($($name:ident: $flow:literal => $expected:literal;)+) => {
        $(#[test] fn $name() { becomes($flow, "ringfence", $expected); })+
    };
}

texts! {
    a_key_is_added_behind_the_type_and_its_comment:
        "tasks:\n  - id: a\n    type: x.Log # why\n    # below\n    text: |\n      {{ x }}\n\n  # end\n"
        => "tasks:\n  - id: a\n    type: x.Log # why\n    level: ERROR\n    # below\n    text: |\n      {{ x }}\n\n  # end\n";
    a_key_is_added_to_a_map_in_braces:
        "tasks: [{type: x.Log , id: a}, {type: x.Log}] # t\n"
        => "tasks: [{type: x.Log , id: a, level: ERROR}, {type: x.Log, level: ERROR}] # t\n";
    a_trailing_comma_stays:
        "tasks: [{type: x.Log,},]\n" => "tasks: [{type: x.Log, level: ERROR,},]\n";
    json_stays_json:
        "{\"tasks\": [{\"type\": \"x.Log\"}]}\n" => "{\"tasks\": [{\"type\": \"x.Log\", \"level\": \"ERROR\"}]}\n";
    a_value_is_replaced_where_it_stands:
        "tasks:\n- type: x.Shell\n  image:   'evil'   # mine\n  runner: {type: x.Docker}\n  volumes: [ a ]\n"
        => "tasks:\n- type: x.Shell\n  image:   safe   # mine\n  runner: {type: x.Docker}\n  volumes: [ a ]\n";
    a_value_that_is_left_out_is_filled_in:
        "tasks:\n- type: x.Log\n  level: # none\n  id: a\n- {type: x.Log, level: , id: b}\n- {type: x.Log, level}\n"
        => "tasks:\n- type: x.Log\n  level: ERROR # none\n  id: a\n- {type: x.Log, level: ERROR , id: b}\n- {type: x.Log, level: ERROR}\n";
    a_block_scalar_gives_way_to_a_forced_value:
        "tasks:\n- type: x.Shell\n  image: |\n    evil\n    more\n\n  runner: >-\n    {{ r }}\n  volumes: [a]\n  id: b\n"
        => "tasks:\n- type: x.Shell\n  image: safe\n\n  runner:\n    type: x.Docker\n  volumes: [a]\n  id: b\n";
    a_block_list_gives_way_to_a_forced_one:
        "tasks:\n- type: x.Shell\n  image: safe\n  runner: {type: x.Docker}\n  volumes:\n    # mine\n    - /:/host # all\n    - b\n  # after\n  id: b\n"
        => "tasks:\n- type: x.Shell\n  image: safe\n  runner: {type: x.Docker}\n  volumes:\n    - a\n  # after\n  id: b\n";
    keys_of_another_type_go_line_by_line:
        "tasks:\n- type: x.Shell\n  image: safe\n  runner:\n    # first\n    host: a\n    # the type\n    type: x.Process # no\n    # last\n    user: b\n  volumes: [a]\n"
        => "tasks:\n- type: x.Shell\n  image: safe\n  runner:\n    # first\n    type: x.Docker # no\n    # last\n  volumes: [a]\n";
    values_of_every_kind_are_written:
        "tasks:\n- type: x.More\n"
        => "tasks:\n- type: x.More\n  script: |\n    one\n    two\n  map:\n    a:\n      b:\n        - 1\n        - c: d\n  text: \"{{ x }}\"\n";
    the_last_line_may_have_no_newline:
        "tasks:\n- type: x.Log" => "tasks:\n- type: x.Log\n  level: ERROR";
    lines_may_end_in_crlf:
        "tasks:\r\n- type: x.Log\r\n  id: a\r\n" => "tasks:\r\n- type: x.Log\r\n  level: ERROR\r\n  id: a\r\n";
    an_anchor_is_kept_and_its_aliases_follow:
        "tasks:\n- &a {type: x.Log}\n- *a\n- x: *a\n"
        => "tasks:\n- &a {type: x.Log, level: ERROR}\n- *a\n- x: *a\n";
    an_anchored_value_keeps_its_anchor:
        "image: &i evil\ntasks:\n- type: x.Shell\n  image: &mine evil\n  runner: {type: x.Docker}\n  volumes: [a]\n- y: *mine\n"
        => "image: &i evil\ntasks:\n- type: x.Shell\n  image: &mine safe\n  runner: {type: x.Docker}\n  volumes: [a]\n- y: evil\n";
    an_alias_that_has_to_differ_is_written_out:
        "x: &r {type: x.Process, a: 1}\ntasks:\n- type: x.Shell\n  runner: *r\n  image: safe\n  volumes: [a]\n"
        => "x: &r {type: x.Process, a: 1}\ntasks:\n- type: x.Shell\n  runner:\n    type: x.Docker\n  image: safe\n  volumes: [a]\n";
    a_merge_key_stays_and_what_it_brings_is_overridden:
        "x: &s {image: evil, volumes: [a]}\ntasks:\n- <<: *s\n  type: x.Shell\n  runner: {type: x.Docker}\n"
        => "x: &s {image: evil, volumes: [a]}\ntasks:\n- <<: *s\n  type: x.Shell\n  image: safe\n  runner: {type: x.Docker}\n";
    a_merge_key_that_brings_a_key_that_goes_is_written_out:
        "x: &r {host: evil}\ntasks:\n- type: x.Shell\n  runner:\n    <<: *r\n    type: x.Process\n  image: safe\n  volumes: [a]\n"
        => "x: &r {host: evil}\ntasks:\n- type: x.Shell\n  runner:\n    type: x.Docker\n  image: safe\n  volumes: [a]\n";
    text_beyond_ascii_is_counted_right:
        "# äöü 🦀\nid: ü\ntasks:\n- id: \"ß🦀\"\n  type: x.Log # é\n  größe: 1\n"
        => "# äöü 🦀\nid: ü\ntasks:\n- id: \"ß🦀\"\n  type: x.Log # é\n  level: ERROR\n  größe: 1\n";
    several_documents_are_several_flows:
        "# one\n---\ntasks: [{type: x.Log}]\n---\n# two\ntasks:\n- type: x.Log\n...\n"
        => "# one\n---\ntasks: [{type: x.Log, level: ERROR}]\n---\n# two\ntasks:\n- type: x.Log\n  level: ERROR\n...\n";
    a_list_in_a_list:
        "tasks:\n- - type: x.Log\n    id: a\n  - type: x.Log\n"
        => "tasks:\n- - type: x.Log\n    level: ERROR\n    id: a\n  - type: x.Log\n    level: ERROR\n";
}

#[test]
fn a_list_that_kestra_joins_gets_items_before_or_behind_its_own() {
    becomes(
        "tasks:\n- type: x.Shell\n  image: safe\n  runner: {type: x.Docker}\n  volumes:\n  # mine\n  - b # b\n  id: c\n",
        "kestra-1.3",
        "tasks:\n- type: x.Shell\n  image: safe\n  runner: {type: x.Docker}\n  volumes:\n  # mine\n  - b # b\n  - a\n  id: c\n",
    );
    let policy = "kestra: {plugins: {defaults: [{type: x.Y, values: {list: [one, {k: v}]}}]}}\n";
    let flow =
        "tasks:\n- type: x.Y\n  list:\n    # mine\n    - own # o\n- {type: x.Y, list: [own]}\n";
    let expected = "tasks:\n- type: x.Y\n  list:\n    # mine\n    - one\n    - k: v\n    - own # o\n- {type: x.Y, list: [one, {k: v}, own]}\n";
    let answer = Kitchen::with_policy(policy).resolve(flow, &["--profile", "kestra-1.3"]);
    assert_eq!(answer.expect(0), expected);
}

#[test]
fn a_flow_that_no_default_touches_is_printed_byte_for_byte() {
    let odd = "\u{feff}%YAML 1.2\n--- # start\nid:   f\t\n\"a\" : &x !!str 1\nb: [ 1,2 ,*x ]\nc: |+2\n    x\n\n\n? d\n: e\n'f': >-\n  {{ g }}\r\n\n...  \n";
    let plain = "# only a comment";
    for flow in [
        &odd[3..],
        plain,
        "",
        "- 1\n- x.Log",
        "{a: {type: 7}, type: [x.Log]}",
        "tasks:\n  - type: x.Unknown   \n",
    ] {
        for profile in ["kestra-0.17", "kestra-1.3", "ringfence"] {
            becomes(flow, profile, flow);
        }
    }
}

#[test]
fn a_map_with_explicit_keys_is_written_anew_and_a_whole_flow_with_a_warning() {
    let answer =
        Kitchen::with_policy(POLICY).resolve("# c\ntasks:\n- ? type\n  : x.Log # x\n", &[]);
    assert_eq!(answer.expect(0), "# c\ntasks:\n- type: x.Log\n  level: ERROR # x\n");
    assert!(!answer.err.contains("[RF332]"), "{}", answer.err);
    let answer = Kitchen::with_policy(POLICY).resolve("? type\n: x.Log\n", &[]);
    assert_eq!(answer.expect(0), "type: x.Log\nlevel: ERROR\n");
    assert!(answer.err.contains("warning[RF332]"), "{}", answer.err);
}

#[test]
fn the_flows_own_entries_are_no_plugins_and_stay() {
    let flow = "pluginDefaults:\n- type: x.Log\n  values: {level: WARN}\ntasks:\n- type: x.Log\n";
    becomes(
        flow,
        "ringfence",
        "pluginDefaults:\n- type: x.Log\n  values: {level: WARN}\ntasks:\n- type: x.Log\n  level: WARN\n",
    );
}
