//! The table of codes: a title and a long text each, as `ringfence help RF101` prints them.

/// What a code means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Code {
    /// The code, such as `RF101`.
    pub code: &'static str,
    /// A title of a few words.
    pub title: &'static str,
    /// Why it is refused or pointed out, and what to do.
    pub text: &'static str,
}

/// The entry of a code, in any case.
pub(crate) fn find(code: &str) -> Option<&'static Code> {
    CODES.iter().find(|entry| entry.code.eq_ignore_ascii_case(code))
}

const fn code(code: &'static str, title: &'static str, text: &'static str) -> Code {
    Code { code, title, text }
}

/// Every code, in order.
#[rustfmt::skip]
pub(crate) const CODES: &[Code] = &[
    code("RF001", "not YAML",
"The text cannot be read as YAML. The place is where the parser stopped; the cause is there or
just above: a missing `:` or quote, a bracket left open, a wrong indentation."),
    code("RF002", "a tab in the indentation",
"YAML is indented with spaces only. A tab looks right in an editor and is not."),
    code("RF003", "not UTF-8",
"A policy is read as UTF-8. Save the file in that encoding."),
    code("RF004", "too large",
"A policy file is at most 16 MiB long, so that a wrong file does not fill the memory. Split it,
and give a directory of files."),
    code("RF005", "nested too deeply",
"Lists and maps are read 128 levels deep."),
    code("RF006", "too many values",
"A text holds at most 1,000,000 values, and its anchors and aliases copy at most 100,000, so that
a few lines of aliases of aliases cannot fill the memory."),
    code("RF007", "an alias inside its own anchor",
"`&a [*a]` would be a list that holds itself. A policy is finite."),
    code("RF008", "a merge key without a map",
"`<<` takes the entries of a map, or of a list of maps, that an alias names."),
    code("RF009", "an unknown tag",
"A value in ringfence's own sections has no tag, or one of YAML's own that fits, such as `!!str`."),
    code("RF010", "a source cannot be read",
"A policy that was named and cannot be read is an error: the fence would have gaps that nobody
asked for. The message has the system's own words."),
    code("RF102", "a key is there twice",
"A map has a key twice, or in two spellings that mean the same (`forbiddenPaths` and
`forbidden-paths`). YAML leaves open which one counts, and a rule that does not count is a gap."),
];
