//! What a policy may refer to outside its own text: environment variables and home directories.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;

/// The environment and the homes of the user for whom the worker runs.
#[derive(Clone, Debug, Default)]
pub(crate) struct World {
    /// The environment variables.
    pub(crate) variables: HashMap<OsString, OsString>,
    /// Where `~` leads, as absolute paths without a slash at the end. There can be two: most programs take `HOME`, the JVM
    /// takes the entry of the user database, and a rule must hold for both.
    pub(crate) homes: Vec<Vec<u8>>,
    /// The current directory, for suggestions only.
    pub(crate) directory: Option<Vec<u8>>,
}

impl World {
    /// The world of this process.
    pub(crate) fn current() -> Self {
        let variables: HashMap<_, _> = std::env::vars_os().collect();
        let uid = rustix::process::geteuid().as_raw();
        let database = std::fs::read("/etc/passwd").unwrap_or_default();
        let homes = homes(variables.get(OsStr::new("HOME")), home_of(&database, uid));
        let directory = std::env::current_dir().ok();
        let directory = directory.map(|directory| directory.as_os_str().as_bytes().to_vec());
        Self { variables, homes, directory }
    }

    /// The value of an environment variable, as bytes.
    pub(crate) fn variable(&self, name: &str) -> Option<&[u8]> {
        self.variables.get(OsStr::new(name)).map(|value| value.as_bytes())
    }
}

/// The distinct absolute homes, without trailing slashes: `/`, which containers have, is empty.
fn homes(variable: Option<&OsString>, entry: Option<&[u8]>) -> Vec<Vec<u8>> {
    let mut homes = Vec::new();
    for home in [variable.map(|home| home.as_bytes()), entry].into_iter().flatten() {
        let absolute = home.first() == Some(&b'/');
        let length = home.iter().rposition(|&byte| byte != b'/').map_or(0, |last| last + 1);
        let home = home[..length].to_vec();
        if absolute && !homes.contains(&home) {
            homes.push(home);
        }
    }
    homes
}

/// The home of a user in the text of `/etc/passwd`.
fn home_of(database: &[u8], uid: u32) -> Option<&[u8]> {
    let uid = uid.to_string();
    database.split(|&byte| byte == b'\n').find_map(|line| {
        let mut fields = line.split(|&byte| byte == b':');
        (fields.nth(2)? == uid.as_bytes()).then(|| fields.nth(2)).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn homes_are_absolute_and_distinct() {
        let home = OsString::from("/home/a/");
        assert_eq!(homes(Some(&home), Some(b"/home/a")), [b"/home/a".to_vec()]);
        assert_eq!(homes(Some(&home), Some(b"/srv/a")).len(), 2);
        assert!(homes(Some(&OsString::from("relative")), Some(b"")).is_empty());
        assert_eq!(homes(Some(&OsString::from("/")), None), [b""]);
    }

    #[test]
    fn the_user_database_names_the_home() {
        let database =
            b"root:x:0:0:root:/root:/bin/sh\nkestra:x:1000:10:K,,:/home/kestra:/bin/sh\n";
        assert_eq!(home_of(database, 1000), Some(&b"/home/kestra"[..]));
        assert_eq!(home_of(database, 1), None);
    }
}
