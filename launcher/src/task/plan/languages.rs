//! The languages of script tasks, and what runs each.

/// A language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Language {
    /// The package of its tasks: `io.kestra.plugin.scripts.NAME`.
    pub(crate) name: &'static str,
    /// The end of a script's file name.
    pub(crate) extension: &'static str,
    /// What runs a script: on this machine the first of them that is installed, in a container
    /// the last one, which is what images for the language have.
    pub(crate) programs: &'static [&'static str],
    /// What stands between the program and the script's file.
    pub(crate) arguments: &'static [&'static str],
    /// What runs `commands`, unless the task names an `interpreter`.
    pub(crate) shell: &'static [&'static str],
}

const SHELL: &[&str] = &["/bin/sh", "-c"];
const POWERSHELL: &[&str] = &["pwsh", "-NoProfile", "-NonInteractive", "-Command"];

#[rustfmt::skip]
const LANGUAGES: &[Language] = &[
    language("bun",        "ts",     &["bun"],               &["run"], SHELL),
    language("deno",       "ts",     &["deno"],              &["run"], SHELL),
    language("dotnet",     "csx",    &["dotnet"],            &["script"], SHELL),
    language("go",         "go",     &["go"],                &["run"], SHELL),
    language("groovy",     "groovy", &["groovy"],            &[], SHELL),
    language("jbang",      "java",   &["jbang"],             &[], SHELL),
    language("julia",      "jl",     &["julia"],             &[], SHELL),
    language("lua",        "lua",    &["lua5.4", "lua"],     &[], SHELL),
    language("node",       "js",     &["node"],              &[], SHELL),
    language("perl",       "pl",     &["perl"],              &[], SHELL),
    language("php",        "php",    &["php"],               &[], SHELL),
    language("powershell", "ps1",    &["pwsh"],              &["-NoProfile", "-NonInteractive", "-File"], POWERSHELL),
    language("python",     "py",     &["python3", "python"], &[], SHELL),
    language("r",          "R",      &["Rscript"],           &[], SHELL),
    language("ruby",       "rb",     &["ruby"],              &[], SHELL),
    language("shell",      "sh",     &["/bin/sh"],           &[], SHELL),
];

const fn language(
    name: &'static str,
    extension: &'static str,
    programs: &'static [&'static str],
    arguments: &'static [&'static str],
    shell: &'static [&'static str],
) -> Language {
    Language { name, extension, programs, arguments, shell }
}

/// The two kinds of script tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `commands`.
    Commands,
    /// `script`.
    Script,
}

/// The language and the kind of a task, by the class that its type stands for.
pub(crate) fn of_class(class: &str) -> Option<(&'static Language, Kind)> {
    let (language, kind) = class.strip_prefix("io.kestra.plugin.scripts.")?.split_once('.')?;
    let kind = match kind {
        "Commands" => Kind::Commands,
        "Script" => Kind::Script,
        _ => return None,
    };
    LANGUAGES.iter().find(|known| known.name == language).map(|found| (found, kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn script_tasks_are_known_by_their_class() {
        let (python, kind) = of_class("io.kestra.plugin.scripts.python.Script").expect("a script");
        assert_eq!((python.extension, kind), ("py", Kind::Script));
        let (_, kind) = of_class("io.kestra.plugin.scripts.shell.Commands").expect("a script");
        assert_eq!(kind, Kind::Commands);
        for other in [
            "io.kestra.plugin.scripts.groovy.Eval",
            "io.kestra.plugin.scripts.cobol.Script",
            "io.kestra.plugin.scripts.shell",
            "io.kestra.plugin.core.log.Log",
            "io.kestra.plugin.scripts.shell.deep.Commands",
        ] {
            assert_eq!(of_class(other), None, "{other}");
        }
    }
}
