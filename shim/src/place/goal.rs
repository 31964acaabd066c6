//! What a call wants of a path.

use core::ffi::c_int;

use ringfence_policy::Access;

use crate::report::Call;
use crate::sys::{How, NO_SYMLINKS};

/// What a call wants of a path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Goal {
    /// The call, for reports.
    pub(crate) call: Call,
    /// What it would do there.
    pub(crate) access: Access,
    /// How the text is opened; `resolve` is ours to set.
    pub(crate) how: How,
}

impl Goal {
    /// A goal whose object is only held (`O_PATH`), to be looked at or handed on.
    pub(crate) const fn hold(call: Call, access: Access, follow: bool) -> Self {
        let link = if follow { 0 } else { libc::O_NOFOLLOW };
        let flags = (libc::O_PATH | libc::O_CLOEXEC | link).cast_unsigned() as u64;
        Self { call, access, how: How { flags, mode: 0, resolve: NO_SYMLINKS } }
    }

    fn has(&self, flag: c_int) -> bool {
        self.how.flags & u64::from(flag.cast_unsigned()) != 0
    }

    /// Whether a link as the last name is followed.
    pub(super) fn follows(&self) -> bool {
        !(self.has(libc::O_NOFOLLOW) || self.has(libc::O_CREAT) && self.has(libc::O_EXCL))
    }

    /// Reading one object needs `READ` of a file and `LIST` of a directory: which it is shows
    /// only when it is open.
    pub(super) fn reads_either(&self) -> bool {
        self.access.contains(READ_OR_LIST)
    }
}

/// What opening for reading asks for as long as the kind of object is not known.
pub(crate) const READ_OR_LIST: Access = Access::READ.with(Access::LIST);
