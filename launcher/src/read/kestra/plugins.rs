//! Kestra's script plugins, as far as rules and defaults are about them.

/// What they all are beneath.
pub(crate) const SCRIPTS: &str = "io.kestra.plugin.scripts";
/// The runner of containers.
pub(crate) const DOCKER: &str = "io.kestra.plugin.scripts.runner.docker.Docker";
/// What stands on the stack beside the task itself while either runner works.
pub(crate) const WRAPPER: &str = "io.kestra.plugin.scripts.exec.scripts.runners.CommandsWrapper";
/// The languages of the script plugins; each has a task `Commands` and a task `Script`.
pub(crate) const LANGUAGES: [&str; 16] = [
    "bun",
    "deno",
    "dotnet",
    "go",
    "groovy",
    "jbang",
    "julia",
    "lua",
    "node",
    "perl",
    "php",
    "powershell",
    "python",
    "r",
    "ruby",
    "shell",
];

/// Whether a prefix names only what has an author's script run by another program: the worker itself
/// runs nothing of it. Groovy has a task that the worker runs, too.
pub(crate) fn runs_elsewhere(prefix: &str) -> bool {
    let rest = prefix.strip_prefix(SCRIPTS).and_then(|rest| rest.strip_prefix('.'));
    let Some(first) = rest.and_then(|rest| rest.split('.').next()) else { return false };
    matches!(first, "exec" | "runner") || first != "groovy" && LANGUAGES.contains(&first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_worker_itself_runs_is_told_apart() {
        for prefix in [DOCKER, WRAPPER, "io.kestra.plugin.scripts.shell.Commands"] {
            assert!(runs_elsewhere(prefix), "{prefix}");
        }
        for prefix in
            [SCRIPTS, "io.kestra.plugin.scripts.groovy", "io.kestra.plugin.scripts.jython.Eval"]
        {
            assert!(!runs_elsewhere(prefix), "{prefix}");
        }
        assert!(!runs_elsewhere("io.kestra.plugin.scriptsx.shell"));
    }
}
