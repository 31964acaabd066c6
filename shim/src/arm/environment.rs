//! The variables that carry the fence: what they say here, and what every child is given.

use core::ffi::CStr;

use ringfence_policy::Image;

use super::fault::Fault;
use super::store::Store;
use crate::elf::{Object, Start};

/// The variable that names the image.
const IMAGE: &[u8] = b"RINGFENCE_IMAGE";
/// The variable that names the run, for reports.
const RUN: &[u8] = b"RINGFENCE_RUN";
/// ld.so's variable that names us.
const PRELOAD: &[u8] = b"LD_PRELOAD";
/// The variable that says that the host alone started a program, which has its exceptions then.
const HOST: &[u8] = b"RINGFENCE_HOST";
/// Its value.
const BY_HOST: &[u8] = b"1";
/// What any other program is told.
pub(crate) const NOT_BY_HOST: &CStr = c"RINGFENCE_HOST=0";
/// More bytes than the names of these variables take, with `=`, a colon and a NUL each.
const NAMES: usize = 128;
/// The image of a machine whose workers are fenced without a launcher.
const SYSTEM_IMAGE: &CStr = c"/etc/ringfence/policy.img";

/// The environment that carries the fence into a child, as `NAME=value` texts.
pub(crate) struct Environment {
    /// The path of the shim's own library.
    pub(crate) library: &'static CStr,
    /// `LD_PRELOAD=…`, with the shim first.
    pub(crate) preload: &'static CStr,
    /// `RINGFENCE_IMAGE=…`.
    pub(crate) image: &'static CStr,
    /// `RINGFENCE_RUN=…`, where the launcher set one.
    pub(crate) run: Option<&'static CStr>,
    /// `RINGFENCE_HOST=1`, where the host alone started the program and that matters.
    pub(crate) host: Option<&'static CStr>,
}

/// The image to map; `None` when nobody asked for a fence.
pub(super) fn image_path(start: &Start, ours: Object) -> Option<&'static CStr> {
    match start.variable(IMAGE).filter(|path| !path.is_empty()) {
        Some(path) => Some(path),
        None if is_preloaded(start, ours) => Some(SYSTEM_IMAGE),
        None => None,
    }
}

fn is_preloaded(start: &Start, ours: Object) -> bool {
    let list = start.variable(PRELOAD).unwrap_or_default().to_bytes();
    let ours = ours.name().to_bytes();
    list.split(|byte| matches!(byte, b':' | b' ')).any(|name| name == ours)
}

/// What children are given, and the store in which its texts lie.
///
/// # Errors
/// A shim that was loaded by a relative path, and no memory.
pub(super) fn environment(
    start: &Start,
    ours: Object,
    path: &'static CStr,
    image: Image<'_>,
) -> Result<(Store, Environment), Fault> {
    let library = ours.name();
    if library.to_bytes().first() != Some(&b'/') {
        return Err(Fault::about(
            b"the shim was loaded by a relative path:",
            library.to_bytes(),
            b"name it by its absolute path in LD_PRELOAD",
        ));
    }
    let given = start.variable(PRELOAD).unwrap_or_default().to_bytes();
    let preload = if is_preloaded(start, ours) {
        [given, b"", b""]
    } else {
        [library.to_bytes(), b":", given]
    };
    let run = start.variable(RUN).map(CStr::to_bytes);
    let by_host = start.variable(HOST).is_some_and(|value| value.to_bytes() == BY_HOST);
    let values = [given, library.to_bytes(), path.to_bytes(), run.unwrap_or_default()];
    let values = values.iter().map(|value| value.len()).fold(0, usize::saturating_add);
    let mut store = Store::map(values.saturating_add(NAMES))?;
    let environment = Environment {
        library,
        preload: store.assignment(PRELOAD, preload)?,
        image: store.assignment(IMAGE, [path.to_bytes(), b"", b""])?,
        run: match run {
            Some(run) => Some(store.assignment(RUN, [run, b"", b""])?),
            None => None,
        },
        host: if by_host && image.has_audiences() {
            Some(store.assignment(HOST, [BY_HOST, b"", b""])?)
        } else {
            None
        },
    };
    Ok((store, environment))
}
