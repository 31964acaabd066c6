//! The table of codes: a title and a long text each, as `ringfence help RF101` prints them.

/// What a code means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Code {
    /// The code, such as `RF101`.
    pub(crate) code: &'static str,
    /// A title of a few words.
    pub(crate) title: &'static str,
    /// Why it is refused or pointed out, and what to do.
    pub(crate) text: &'static str,
}

/// The entry of a code, in any case.
pub(crate) fn find(code: &str) -> Option<&'static Code> {
    CODES.iter().find(|entry| entry.code.eq_ignore_ascii_case(code))
}

const fn code(code: &'static str, title: &'static str, text: &'static str) -> Code {
    Code { code, title, text }
}

/// Every code, in order: RF0xx reading, RF1xx shape, RF2xx values, RF3xx lints, RF4xx launch.
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
"Lists and maps are read 128 levels deep, those that aliases bring included."),
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
    code("RF011", "a variable holds no policy",
"`env:NAME` and `micronaut` take a policy, or the names of its files, from environment variables.
One that is unset or empty would be a policy of no rules."),
    code("RF012", "a directory without policies",
"A directory is read as all its `*.yaml` and `*.yml`, sorted by name, hidden files left out. There
is none in this one."),
    code("RF013", "a flow cannot be written",
"The defaults could not be put into the text of this flow so that it reads as it should, so nothing
was printed. Write the node that they change without anchors, aliases and brackets."),
    code("RF101", "unknown key",
"Sections of ringfence are strict: a key that means nothing would be a rule that does nothing.
Under `kestra:`, only `ee.javaSecurity` and the two lists of defaults are ringfence's; all else
is Kestra's business and is not looked at."),
    code("RF102", "a key is there twice",
"A map has a key twice, or in two spellings that mean the same (`forbiddenPaths` and `forbidden-
paths`). YAML leaves open which one counts, and a rule that does not count is a gap."),
    code("RF103", "a value of another kind",
"A list, a map or a single value stands where the key takes another of the three. A list of one
entry is still a list: `forbiddenPaths: [/etc/]`."),
    code("RF104", "something is missing",
"`ringfence` needs `version: 1`; an entry of `files` needs `path` or `glob`; a test needs what it
asks for and `expect`."),
    code("RF105", "`enabled` is missing",
"Kestra leaves `javaSecurity` off unless `enabled: true` stands there. Rules without the key are
rules that somebody believes in and nobody enforces; so say which it is."),
    code("RF106", "a section that would be ignored",
"A key looks like one of ringfence's sections and is not: misspelt, or on the wrong level. Kestra
ignores such a key without a word, and its rules protect nothing."),
    code("RF107", "no policy in the file",
"A policy stands under the root key `ringfence`, or under `kestra` in Kestra's own configuration.
This file has neither."),
    code("RF108", "nothing to enforce",
"The policy was read, and has no rule. A fence without rules looks like one and is none. To start
a worker without a fence on purpose, say `mode: off`."),
    code("RF109", "unknown version",
"`version` says what the rest of the file means. This ringfence reads version 1 only."),
    code("RF110", "an include matches nothing",
"A file that is included and not there is a gap in the policy. Globs have `*` and `?` within a
component, and are relative to the file that they stand in."),
    code("RF111", "an include in a circle",
"A file includes itself, or one that it includes does."),
    code("RF112", "a key that is no single value",
"YAML allows lists and maps as keys; policies have none."),
    code("RF113", "two that exclude each other",
"An entry has `path` and `glob`, or a test asks for two things. Make two entries of it."),
    code("RF114", "two values for one setting",
"Several sources add their rules up, but a setting such as `audit.to` has one value."),
    code("RF120", "an invalid entry of defaults",
"An entry has a `type` and `values`, perhaps `forced` (true or false) and `ref` (a name), and
nothing else. `values` is a map. A property has a value; only a forced one may be null, which takes
away what the author wrote."),
    code("RF121", "entries that would go on for ever",
"An entry adds a plugin to which it, or another that leads back to it, applies again; or two
entries change the type of a plugin back and forth. Give them narrower types."),
    code("RF201", "not an absolute path",
"Rules name absolute paths, or paths that start with `~/`, the worker's own home. A relative path
would mean another place in each directory."),
    code("RF202", "a variable without a value",
"`${NAME}` in a rule is expanded when the policy is read. A variable that is unset or empty would
make the rule name another place, so it is refused. Give a default: `${NAME:-/var/empty}`, under
`kestra:` `${NAME:/var/empty}`."),
    code("RF203", "not a path",
"An empty path names nothing; a path with a NUL character names no file. One that ends in a line
break, as a block behind `|` does, would name another file than is meant."),
    code("RF204", "not a boolean",
"`true` or `false`, without quotes. Under `kestra:`, `yes`, `no`, `on` and `off` are booleans too,
as Kestra reads them."),
    code("RF205", "not one of the words",
"The key takes one of a few words; the message lists them."),
    code("RF206", "not a prefix",
"A prefix is a class or package in Java's own spelling, `io.kestra.plugin.gcp`, and covers all
beneath it; `python:` and `native:` in front name Python modules and native libraries."),
    code("RF207", "an empty list",
"An empty `authorized` list would authorize nobody, an empty `access` would be about no access.
Leave the key out if it is not meant."),
    code("RF208", "not such a number",
"The key takes a whole number within a range; the message has it."),
    code("RF209", "not expanded",
"Only `${NAME}` and `${NAME:-default}` are expanded (under `kestra:` `${NAME:default}`), and NAME
is an environment variable. `$NAME` without braces would be taken literally."),
    code("RF210", "a glob that cannot be",
"`*` and `?` stand for characters within a component, `**` for whole components and only as a
component of its own."),
    code("RF211", "a path with `..`",
"After a link `..` leads elsewhere than the text says, so the rule might protect another place
than its author thinks. Write the place itself."),
    code("RF212", "an id is there twice",
"Messages and logs name a rule by its id. Two rules cannot share one."),
    code("RF214", "an exception elsewhere",
"An `except` stands beneath the path that it is an exception to; elsewhere it has no effect."),
    code("RF215", "not a variable's name",
"A name of an environment variable has no spaces and no `=`. In `environment.hide` it may have `*`
and `?`."),
    code("RF216", "too many lists of callers",
"An exception of `files.allowed` may name the callers that it is for. A policy has at most eight
different lists of them; equal lists, in whatever order, count once."),
    code("RF301", "authorized and forbidden",
"A prefix stands in both lists. The longer prefix wins on one class, and at equal length the
forbidden one, so the authorization has no effect."),
    code("RF302", "script plugins are authorized",
"A script plugin runs whatever a flow's author writes. To authorize it is to authorize everybody."),
    code("RF303", "Docker for one kind of script only",
"A default forces Docker on one script task while others still run on the worker itself."),
    code("RF305", "a path that does not exist",
"The rule holds as soon as something is there. Often it is a spelling mistake; or the policy is
checked on another machine than it is for."),
    code("RF306", "the worker's own files",
"The rule forbids what the worker itself needs to start or to run."),
    code("RF307", "a file behind a link",
"The rule names a file that is a link. Both its names are protected; but whoever swaps the link,
as Kubernetes does when it updates a ConfigMap or Secret, makes a third name that no rule knows.
Forbid the directory."),
    code("RF308", "a file system that ignores case",
"`/data/Secret` and `/data/secret` are one file there, and a rule compares names by their bytes.
Forbid the place that the file system is mounted on, or a directory above."),
    code("RF309", "class rules without subjects",
"Rules about classes are about the subjects among them: plugins, scripts. Where `callers.subjects`
names none, all classes of the application but its main class are one subject together, and a rule
about one of them is easily a rule about all. Under `kestra:` the subjects are known."),
    code("RF310", "a star that is no wildcard",
"In a path `*` is a plain character. A path covers all beneath it, so a directory needs none; for
other wildcards there is `glob`."),
    code("RF311", "an exception to nothing",
"Paths that no rule forbids are allowed. An exception elsewhere has no effect, and often its path
is misspelt."),
    code("RF312", "an exception that loses",
"Of the rules for a path the longest counts, and between two of the same length the one that
forbids. An exception for the very place that another entry forbids has no effect. (A rule of a
preset is lifted by such an exception.)"),
    code("RF320", "an invalid entry in a flow",
"Kestra warns and uses the flow as it is, without any defaults, not even the forced ones of its
configuration. The profile `ringfence` refuses such a flow."),
    code("RF321", "`forced` in a flow is ignored",
"In this profile only a policy forces; the entry counts as one that is not forced."),
    code("RF322", "a name of defaults is ignored",
"A plugin asks for named defaults (`pluginDefaultsRef`), but a forced entry matches it. The forced
entry alone counts."),
    code("RF323", "a name of defaults that leads nowhere",
"No entry has the name (`ref`) that a plugin asks for, or none of that name is for its type. Kestra
refuses to run the plugin."),
    code("RF324", "a task that is known at run time only",
"The `spec` of a templated task is an expression to such a degree that its type cannot be told, so
nothing can be forced on it beforehand."),
    code("RF325", "a templated task that Kestra refuses",
"The `spec` of a templated task must be a task that runs, not one that holds others, and not
another templated task."),
    code("RF326", "a list of defaults in two files",
"Kestra replaces a list by that of a later file as a whole, so the forced defaults of the earlier
one would be gone. Here all of them count."),
    code("RF327", "a variable that is not expanded",
"Kestra expands `${NAME}` in its configuration, but not in the entries of defaults: there it stays
text."),
    code("RF328", "a property in kebab case",
"Keys of the configuration may be written in kebab case, keys of `values` may not: they are the
names of properties, letter by letter."),
    code("RF329", "a variable that empties the list",
"A variable of this name replaces the list of defaults by nothing, forced ones included."),
    code("RF330", "a Docker runner with gaps",
"The runner is forced, but not what decides how much of the host its containers see. An author can
still ask for a privileged one, the network of the host, or its root directory as a volume."),
    code("RF331", "a forced entry that matches nothing",
"A type is a prefix, so a misspelt one is no error: it forces nothing."),
    code("RF332", "a flow written anew",
"The change could not be made within the text of the flow, so all of it was written anew. It says
what it should, but its comments are lost."),
    code("RF333", "a forced runner that may read nothing",
"Kestra's Docker runner reads what a container prints on threads of its own, which start on behalf of
the task, of the runner and of what both share. Where the rules about threads refuse one of these,
every task that is forced into a container fails."),
    code("RF401", "a program that cannot be fenced",
"A static program has no dynamic linker that would load the fence, and a Go program makes its system calls
without libc, past the fence."),
    code("RF402", "a program that drops the fence",
"A setuid or setgid program, or one with file capabilities, is started in secure mode, in which
the dynamic linker drops the fence."),
    code("RF403", "another libc",
"The program is linked against another libc than glibc, as on Alpine. Take an image with glibc."),
    code("RF404", "the library is not found",
"The launcher finds `libringfence.so` beside itself, in `../lib/ringfence` or in
`/usr/lib/ringfence`, and takes only the one of its own build."),
    code("RF405", "the fence does not arm",
"A trial run under the fence did not report that it is up. The worker is not started."),
    code("RF407", "a JVM or a Python that rules cannot bind",
"The JVM starts threads in a way that cannot be seen, or the Python interpreter is none whose frames
can be read (CPython 3.9 to 3.14 with its global lock), so rules about classes or modules cannot
hold."),
    code("RF408", "a restored JVM",
"A JVM restored from a checkpoint brings back the fence of its first start, whatever the policy
says today."),
    code("RF409", "an AOT cache under class rules",
"A JVM that is to note classes for an AOT cache cannot leave out those that rules about classes
change. Make the cache without a fence; it may be used with one."),
    code("RF410", "a task that cannot be run",
"`ringfence task` runs script tasks: those whose type ends in `Commands` or `Script`, and whose task
runner is a process or a container. What a property asks for is done, or the task is not started."),
    code("RF411", "a task runner that is not there",
"The container program, the image or the interpreter that the task asks for is missing. A task
never runs by a weaker runner than the one that it has, least of all by one that is not forced."),
    code("RF412", "an expression that is not rendered",
"`{{ … }}` is rendered by a server, which knows the execution. Here inputs and variables of the
flow, `workingDir`, and the names of flow and task are known; `--input NAME=VALUE` gives inputs."),
    code("RF413", "a class that may start no program",
"`processes` forbids this type of task to start local programs. Give it a container as its runner."),
];
