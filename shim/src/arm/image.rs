//! The image: mapped once nobody but root and the worker's user can change it, and all of it checked.

#![expect(unsafe_code, reason = "takes a mapping for bytes")]

use core::ffi::{CStr, c_int};

use ringfence_policy::Image;

use super::fault::{Fault, exhausted};
use crate::sys::{self, Answer, CWD, How, Path};
use crate::text::PATH_MAX;

/// The image of a policy that forbids nothing.
pub(super) fn empty_image() -> Result<Image<'static>, Fault> {
    static EMPTY: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/empty.img"));
    Image::parse(EMPTY).map_err(|_| Fault::new(b"the library is damaged", b"install it anew"))
}

/// Maps the image once it is known that nobody but root and the worker's own user can change it.
pub(super) fn map_image(path: &'static CStr) -> Result<Image<'static>, Fault> {
    const REMEDY: &[u8] = b"start the command by `ringfence run`, which writes it anew";
    let about = path.to_bytes();
    let missing = |errno| {
        let missing = Fault::about(b"cannot open the policy image", about, REMEDY);
        exhausted(errno).unwrap_or(missing)
    };
    let unsafe_place = || {
        Fault::about(
            b"the policy image may be changed by others:",
            about,
            b"it and its directory must belong to root or the worker's user, and give nobody \
              else the right to write",
        )
    };
    let fd = open_read(Path::from_c(path)).map_err(missing)?;
    let file = sys::fstat(fd).map_err(missing)?;
    if file.st_mode & libc::S_IFMT != libc::S_IFREG || !is_trusted(&file) {
        return Err(unsafe_place());
    }
    let mut directory = [0_u8; PATH_MAX];
    let parent = parent_path(about, &mut directory).ok_or_else(unsafe_place)?;
    if !sys::stat(parent).is_ok_and(|parent| is_trusted(&parent)) {
        return Err(unsafe_place());
    }
    let length = usize::try_from(file.st_size).unwrap_or(0);
    if length == 0 {
        return Err(Fault::about(b"the policy image is empty:", about, REMEDY));
    }
    let start = sys::map_file(fd, length).map_err(missing)?;
    sys::close(fd);
    // SAFETY: a read-only mapping of that length that is never unmapped. Whoever may change the
    // file is root or the worker's own user, and the fence keeps the worker from it.
    let bytes = unsafe { core::slice::from_raw_parts(start, length) };
    Image::parse_to_judge(bytes).map_err(|error| {
        use ringfence_policy::ImageError;
        let what: &[u8] = match error {
            ImageError::Foreign => b"not a policy image:",
            ImageError::OtherVersion { .. } | ImageError::OtherBuild { .. } => {
                b"the policy image was written by another version of ringfence:"
            }
            ImageError::Truncated { .. } | ImageError::TooLong { .. } => {
                b"the policy image has the wrong length:"
            }
            ImageError::Damaged | ImageError::Inconsistent => b"the policy image is damaged:",
        };
        Fault::about(what, about, REMEDY)
    })
}

/// Owned by root or the effective user, with no right to write for anybody else.
fn is_trusted(stat: &libc::stat) -> bool {
    let owner = stat.st_uid == 0 || stat.st_uid == sys::effective_user();
    owner && stat.st_mode & (libc::S_IWGRP | libc::S_IWOTH) == 0
}

fn parent_path<'a>(path: &[u8], buffer: &'a mut [u8; PATH_MAX]) -> Option<Path<'a>> {
    let end = path.iter().rposition(|byte| *byte == b'/')?.max(1);
    let directory = path.get(..end)?;
    buffer.get_mut(..end)?.copy_from_slice(directory);
    Path::new(buffer.get(..=end)?).ok()
}

fn open_read(path: Path<'_>) -> Answer<c_int> {
    let flags = libc::O_RDONLY | libc::O_CLOEXEC | libc::O_NOFOLLOW;
    let flags = u64::from(flags.cast_unsigned());
    sys::openat2(CWD, path, &How { flags, mode: 0, resolve: 0 })
}
