//! What the process stands in: a kernel that answers, procfs, and directories that no rule is about.

use core::ffi::c_int;

use ringfence_policy::{Access, Audiences, Image};

use super::fault::{Fault, exhausted};
use crate::place;
use crate::sys::{self, CWD, How, NO_SYMLINKS, Path};
use crate::text::PATH_MAX;

/// Judged texts need openat2(2), and descriptors' texts a real procfs.
pub(super) fn check_kernel() -> Result<(), Fault> {
    let flags = u64::from((libc::O_PATH | libc::O_CLOEXEC).cast_unsigned());
    let how = How { flags, mode: 0, resolve: NO_SYMLINKS };
    let root = sys::openat2(CWD, Path::from_c(c"/"), &how).map_err(|errno| {
        exhausted(errno).unwrap_or(Fault::new(
            b"openat2(2) does not answer",
            b"use Linux 5.8 or newer, and a seccomp profile that allows openat2",
        ))
    })?;
    sys::close(root);
    let procfs = sys::openat2(CWD, Path::from_c(c"/proc"), &how).and_then(|fd| {
        let kind = sys::file_system(fd);
        sys::close(fd);
        kind
    });
    if procfs != Ok(sys::PROC_SUPER_MAGIC) {
        return Err(Fault::new(b"/proc is not mounted", b"mount procfs at /proc"));
    }
    Ok(())
}

/// The directories that the process holds from its start must be free of rules: what is
/// reached from them by names alone is not judged again.
pub(super) fn check_descriptors(image: Image<'static>, among: Audiences) -> Result<(), Fault> {
    let mut text = [0_u8; PATH_MAX];
    if let Ok(length) = sys::getcwd(sys::room(&mut text)) {
        let held = text.get(..length).unwrap_or_default();
        check_held(image, among, held, b"the working directory")?;
    }
    let flags = libc::O_RDONLY | libc::O_DIRECTORY | libc::O_CLOEXEC;
    let how = How { flags: u64::from(flags.cast_unsigned()), mode: 0, resolve: 0 };
    let unreadable = |_| Fault::new(b"/proc/self/fd does not answer", b"mount procfs at /proc");
    let list =
        sys::openat2(CWD, Path::from_c(c"/proc/thread-self/fd"), &how).map_err(unreadable)?;
    let mut names = [0_u8; 1024];
    loop {
        let length = sys::read_directory(list, &mut names).map_err(unreadable)?;
        if length == 0 {
            break;
        }
        for fd in sys::entries(names.get(..length).unwrap_or_default()).filter_map(number) {
            if fd == list || !sys::fstat(fd).is_ok_and(|stat| is_directory(&stat)) {
                continue;
            }
            let length = place::directory_text(fd, sys::room(&mut text)).unwrap_or(0);
            let held = text.get(..length).unwrap_or_default();
            check_held(image, among, held, b"an inherited directory descriptor")?;
        }
    }
    sys::close(list);
    Ok(())
}

fn is_directory(stat: &libc::stat) -> bool {
    stat.st_mode & libc::S_IFMT == libc::S_IFDIR
}

fn number(name: &[u8]) -> Option<c_int> {
    core::str::from_utf8(name).ok()?.parse().ok()
}

fn check_held(
    image: Image<'static>,
    among: Audiences,
    text: &[u8],
    what: &'static [u8],
) -> Result<(), Fault> {
    // A text that does not begin with a slash is outside of this process's root: the image refuses
    // what it cannot judge.
    if image.decide_among(text, among).refuses(Access::METADATA).is_some() {
        return Err(Fault::about(
            what,
            b"lies in a forbidden place",
            b"start from another directory",
        ));
    }
    Ok(())
}
