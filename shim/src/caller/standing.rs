//! What an object is to exceptions for certain callers.

use ringfence_policy::{Audiences, CallerKind};

use super::{Frame, look_up};
use crate::arm::State;
use crate::python;
use crate::sys::Answer;

/// What an object is to exceptions for certain callers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The JDK's own, by which Java code opens files and starts programs.
    Jdk,
    /// The Python library's own, which acts for the code that the interpreter runs.
    Python,
    /// A subject that is in these audiences.
    Subject(Audiences),
}

/// The names that the JDK's libraries give themselves.
const JDK: [&[u8]; 11] = [
    b"libjava.so",
    b"libnio.so",
    b"libnet.so",
    b"libextnet.so",
    b"libzip.so",
    b"libprefs.so",
    b"libmanagement.so",
    b"libmanagement_ext.so",
    b"libinstrument.so",
    b"libjimage.so",
    b"libverify.so",
];

/// What the object that a call at a frame returns to is to such exceptions. It is looked up each time:
/// only who was refused is asked.
///
/// # Errors
/// As [`super::walk`].
#[cold]
pub(crate) fn standing(state: &State, frame: Frame) -> Answer<Standing> {
    look_up(frame.code.saturating_sub(1), |object| {
        let Some(object) = object else { return Standing::Subject(Audiences::NONE) };
        let own_name = object.soname().unwrap_or_default();
        if own_name == object.file_name() && JDK.contains(&own_name) {
            return Standing::Jdk;
        }
        if python::is_extension(object.path()) {
            return Standing::Python;
        }
        let names = [object.path(), object.file_name(), own_name];
        let named = names.map(|name| state.image.audiences_of(CallerKind::Native, name));
        Standing::Subject(named.into_iter().fold(Audiences::NONE, core::ops::BitOr::bitor))
    })
}
