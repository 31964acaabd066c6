//! Where a plugin's class was loaded from.

use core::ffi::CStr;

use ringfence_policy::FileId;

use super::here::Here;
use super::jni::Ref;
use crate::sys::{self, Path};

/// The most bytes of a plugin's path.
const LONGEST: usize = 1024;

/// In the tag of a protection domain, which all classes of a file share.
const PLUGIN: i64 = 1;
const OTHER: i64 = 2;

impl Here {
    /// Whether a protection domain is that of a file which lay among the plugins at the start.
    pub(super) fn is_plugin_source(self, domain: Ref) -> bool {
        match self.tools().tag(domain) {
            PLUGIN => true,
            OTHER => false,
            _ => {
                let answer = self.url_of(domain).is_some_and(|url| self.is_plugin_url(url));
                self.tools().set_tag(domain, if answer { PLUGIN } else { OTHER });
                answer
            }
        }
    }

    fn url_of(self, domain: Ref) -> Option<Ref> {
        let fields = self.known().source;
        let source = self.env.get(domain, fields.code_source)?;
        self.env.get(source, fields.location)
    }

    /// A `file:` URL that the JDK itself would read, of one of the files. What a URL says of itself
    /// is for its handler to say, and a script may bring one: so its fields are read.
    fn is_plugin_url(self, url: Ref) -> bool {
        let fields = self.known().source;
        let is = |field, wanted: &[u8]| {
            let mut buffer = [0; 16];
            let text = self.env.get(url, field).and_then(|text| self.env.text(text, &mut buffer));
            text.is_some_and(|text| text == wanted)
        };
        let handled = self
            .env
            .get(url, fields.handler)
            .is_some_and(|handler| self.is_of_class(handler, b"sun.net.www.protocol.file.Handler"));
        if !handled || !is(fields.protocol, b"file") || !is(fields.host, b"") {
            return false;
        }
        let mut buffer = [0; LONGEST];
        let Some(text) = self.env.get(url, fields.file) else { return false };
        let Some(length) = self.env.text(text, &mut buffer).map(<[u8]>::len) else { return false };
        let Some(path) = decode(&mut buffer, length) else { return false };
        let Ok(file) = sys::stat(Path::from_c(path)) else { return false };
        let image = self.image();
        image.is_plugin_file(FileId { device: file.st_dev, inode: file.st_ino })
    }

    /// Whether an object is exactly of a class of the runtime's.
    pub(super) fn is_of_class(self, object: Ref, wanted: &[u8]) -> bool {
        let Some(class) = self.env.class_of(object) else { return false };
        let info = self.class(class);
        let signature = self.tools().signature(class);
        self.env.forget(class);
        info.is_runtime() && signature.is_some_and(|mut name| name.class_name() == wanted)
    }
}

/// The path that a URL's text stands for: with `%20` as a blank, absolute and without detours.
fn decode(text: &mut [u8; LONGEST], length: usize) -> Option<&CStr> {
    let (mut from, mut to) = (0, 0);
    while from < length {
        let byte = match text.get(from)? {
            b'%' => {
                let digits = text.get(from.checked_add(1)?..from.checked_add(3)?)?;
                from = from.checked_add(3)?;
                u8::from_str_radix(core::str::from_utf8(digits).ok()?, 16).ok()?
            }
            b'?' | b'#' => return None,
            byte => {
                from = from.checked_add(1)?;
                *byte
            }
        };
        *text.get_mut(to)? = byte;
        to = to.checked_add(1)?;
    }
    *text.get_mut(to)? = 0;
    let path = CStr::from_bytes_with_nul(text.get(..=to)?).ok()?;
    let mut components = path.to_bytes().strip_prefix(b"/")?.split(|byte| *byte == b'/');
    components.all(|name| !matches!(name, b"" | b"." | b"..")).then_some(path)
}

#[cfg(test)]
#[expect(clippy::disallowed_types, clippy::expect_used, reason = "a test")]
mod tests {
    use super::*;

    fn path(text: &str) -> Option<String> {
        let mut buffer = [0; LONGEST];
        let room = buffer.get_mut(..text.len()).expect("a short text");
        room.copy_from_slice(text.as_bytes());
        let path = decode(&mut buffer, text.len())?;
        Some(path.to_str().expect("ASCII").to_owned())
    }

    #[test]
    fn a_plain_path_is_itself() {
        assert_eq!(path("/app/plugins/gcp.jar").as_deref(), Some("/app/plugins/gcp.jar"));
        assert_eq!(path("/app/my%20plugins/a.jar").as_deref(), Some("/app/my plugins/a.jar"));
    }

    #[test]
    fn a_path_with_a_detour_is_none() {
        for text in [
            "/app/plugins/../../tmp/evil.jar",
            "/app/plugins/%2e%2e/evil.jar",
            "/app//evil.jar",
            "/app/./evil.jar",
            "app/evil.jar",
            "/app/a.jar?b",
            "/app/a%00.jar",
            "/app/a%2",
            "/app/plugins/",
        ] {
            assert_eq!(path(text), None, "{text}");
        }
    }
}
