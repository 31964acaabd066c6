//! Arming: the image is mapped and checked once, before any verdict.
//!
//! The first hook or the constructor arms, whichever comes first; until then nothing passes,
//! since other libraries' constructors and allocators open files before ours runs. What cannot be
//! armed ends the process: a worker without its fence never runs.

#![expect(unsafe_code, reason = "maps the image, keeps the one state")]

use core::ffi::{CStr, c_int};
use core::ops::Range;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, Ordering};

use ringfence_policy::{Access, Audiences, CallerKind, Creation, Image};

use crate::caller::{Callers, FindObject};
use crate::elf::{Object, Start};
use crate::interpose::Next;
use crate::place;
use crate::python;
use crate::report::{self, Counters, Line};
use crate::sys::{self, Answer, CWD, Errno, How, NO_SYMLINKS, Path};
use crate::text::PATH_MAX;

/// The exit status of a fence that does not hold, as the launcher's.
pub(crate) const NOT_FENCED: c_int = 125;

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

/// What every hook works with; it never changes once it is there.
pub(crate) struct State {
    /// The policy.
    pub(crate) image: Image<'static>,
    /// libc's own definitions.
    pub(crate) next: Next,
    /// Where libc lies.
    pub(crate) libc: Range<usize>,
    /// Where our own library lies.
    pub(crate) own: Range<usize>,
    /// The program is a JDK's own, which starts a Java machine.
    pub(crate) java: bool,
    /// The program runs Python code, whose callers no native frame shows.
    pub(crate) interprets: bool,
    /// libc's own tables, for definitions that are seldom wanted.
    pub(crate) symbols: Object,
    /// What every child is given; `None` when nobody asked for a fence (the library stands in
    /// `/etc/ld.so.preload` and no variable names it or an image), so that nothing is refused.
    pub(crate) environment: Option<Environment>,
    /// The process that armed itself. A program that it becomes by exec is still the same process; a
    /// child of its is not.
    pub(crate) process: u32,
    /// The device and inode of the standard error output at the start.
    pub(crate) console: Option<(u64, u64)>,
    /// Counts of denials, in memory that a forked child finds cleared.
    pub(crate) counters: &'static Counters,
    /// What rules about callers need; `None` where there are none.
    pub(crate) callers: Option<&'static Callers>,
    /// libc's own way to an object by an address; glibc 2.34 has none.
    pub(crate) find_object: Option<FindObject>,
    /// Where the program begins, which tells its code from that of libraries.
    pub(crate) entry: Option<usize>,
}

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

/// Null, then for ever the one state. No lock: a signal handler would wait for itself.
static STATE: AtomicPtr<State> = AtomicPtr::new(null_mut());

/// The state, armed if it was not yet.
#[inline(always)]
pub(crate) fn armed() -> &'static State {
    match get() {
        Some(state) => state,
        None => arm(),
    }
}

#[inline(always)]
fn get() -> Option<&'static State> {
    // SAFETY: null, or what `arm` put there: a state that is never unmapped and never changes.
    unsafe { STATE.load(Ordering::Acquire).as_ref() }
}

#[cfg_attr(not(test), unsafe(link_section = ".init_array"))]
#[used]
static CONSTRUCTOR: extern "C" fn() = construct;

extern "C" fn construct() {
    armed();
}

#[cfg_attr(not(test), unsafe(link_section = ".fini_array"))]
#[used]
static DESTRUCTOR: extern "C" fn() = conclude;

/// Tells what was counted and not reported yet.
extern "C" fn conclude() {
    if let Some(state) = get() {
        report::flush(state);
    }
}

#[cold]
#[inline(never)]
fn arm() -> &'static State {
    let state = match build() {
        Ok(state) => state,
        Err(fault) => fault.exit(),
    };
    let ours = core::ptr::from_ref(state).cast_mut();
    // Two threads may both have armed; the first to be here is the one that counts.
    match STATE.compare_exchange(null_mut(), ours, Ordering::Release, Ordering::Acquire) {
        Ok(_) => state,
        Err(_) => get().unwrap_or(state),
    }
}

/// Why the fence cannot hold.
struct Fault {
    what: &'static [u8],
    about: &'static [u8],
    remedy: &'static [u8],
}

impl Fault {
    const fn new(what: &'static [u8], remedy: &'static [u8]) -> Self {
        Self { what, about: b"", remedy }
    }

    const fn about(what: &'static [u8], about: &'static [u8], remedy: &'static [u8]) -> Self {
        Self { what, about, remedy }
    }

    /// Says so and ends the process: nothing may run unfenced.
    fn exit(&self) -> ! {
        let mut bytes = [0_u8; 1024];
        let mut line = Line::new(&mut bytes);
        line.text(b"ringfence: ");
        line.text(self.what);
        if !self.about.is_empty() {
            line.text(b" ");
            line.shown(self.about);
        }
        line.text(b"; ");
        line.text(self.remedy);
        line.text(b"\n");
        // Nothing is left to do about a message that cannot be written.
        let _ = sys::write(2, line.bytes());
        sys::exit(NOT_FENCED)
    }
}

const AGAIN: &[u8] = b"start the command by `ringfence run` again";

fn build() -> Result<&'static State, Fault> {
    let start = Start::find().ok_or(Fault::new(b"no program start found", AGAIN))?;
    let objects = start.objects().ok_or(Fault::new(
        b"ld.so's list of objects was not found",
        b"fence a dynamically linked glibc program",
    ))?;
    let ours = each(objects).find(|object| object.is_ours()).ok_or(Fault::new(
        b"the shim is not in ld.so's list of objects",
        b"load it by LD_PRELOAD, not by dlmopen",
    ))?;
    let libc = each(objects).find(|object| object.is_named(c"libc.so.6")).ok_or(Fault::new(
        b"the program's libc is not glibc",
        b"use an image with glibc 2.34 or newer",
    ))?;
    let loader = each(objects).find(|object| object.is_named(c"ld-linux-x86-64.so.2"));
    let next = Next::find(libc, loader).map_err(|name| {
        Fault::about(b"libc does not define", name.to_bytes(), b"use glibc 2.34 or newer")
    })?;
    check_kernel()?;
    let (image, store, environment) = match image_path(&start, ours) {
        Some(path) => {
            let image = map_image(path)?;
            let (store, environment) = environment(&start, ours, path, image)?;
            (image, store, Some(environment))
        }
        None => (empty_image()?, Store::map(0)?, None),
    };
    let by_host = environment.as_ref().is_some_and(|environment| environment.host.is_some());
    let among = if by_host { image.host_audiences() } else { Audiences::NONE };
    check_descriptors(image, among)?;
    let console = sys::fstat(2).ok().map(|stat| (stat.st_dev, stat.st_ino));
    let counters = Counters::map().map_err(|_| no_memory())?;
    // A Java machine that is the program's own calls itself, not us.
    if names_any(image, &[CallerKind::Java]) && objects.symbol(c"JNI_CreateJavaVM").is_some() {
        return Err(Fault::new(
            b"rules about Java classes cannot hold in a program with a Java machine built in [RF407]",
            b"use a JDK whose libjvm is a library",
        ));
    }
    if python::is_wanted(&image) {
        python::look_for(each(objects));
    }
    let find_object = find_object(libc);
    if find_object.is_none() && follows_stacks(image) {
        return Err(Fault::new(
            b"rules about native libraries and Python modules, and exceptions for certain callers, take a libc that shows its objects (_dl_find_object)",
            b"use glibc 2.35 or newer, or leave them out of the policy",
        ));
    }
    let callers =
        if asks_for_callers(image) { Some(Callers::map().map_err(|_| no_memory())?) } else { None };
    store.keep(State {
        process: sys::process(),
        image,
        next,
        libc: libc.range(),
        own: ours.range(),
        java: each(objects).any(|object| object.is_named(c"libjli.so")),
        interprets: objects.symbol(c"Py_IsInitialized").is_some(),
        symbols: libc,
        environment,
        console,
        counters,
        callers,
        find_object,
        entry: start.entry(),
    })
}

fn find_object(libc: Object) -> Option<FindObject> {
    let address = libc.symbol(c"_dl_find_object")?;
    let address = core::ptr::with_exposed_provenance::<core::ffi::c_void>(address);
    // SAFETY: libc's function of that name, whose type dlfcn.h states.
    Some(unsafe { core::mem::transmute::<*const core::ffi::c_void, FindObject>(address) })
}

/// Whether any rule is about callers of one of these kinds.
fn names_any(image: Image<'_>, kinds: &[CallerKind]) -> bool {
    kinds.iter().any(|kind| {
        let lists = [Creation::Thread, Creation::Process];
        lists.into_iter().any(|creation| !image.callers(creation, *kind).is_empty())
    })
}

/// Whether any rule is about who calls.
fn asks_for_callers(image: Image<'_>) -> bool {
    names_any(image, &CallerKind::ALL) || image.denies_unattributed() || image.has_audiences()
}

/// Whether any rule is about those further out on native stacks. Java's own are read by the machine.
fn follows_stacks(image: Image<'_>) -> bool {
    names_any(image, &[CallerKind::Native, CallerKind::Python])
        || image.denies_unattributed()
        || image.has_audiences()
}

fn each(first: Object) -> impl Iterator<Item = Object> {
    core::iter::successors(Some(first), |object| object.next())
}

const fn no_memory() -> Fault {
    Fault::new(b"no memory for the fence", b"raise the limit of the address space")
}

/// The fault that an error of this kind is, whatever was asked for.
const fn exhausted(errno: Errno) -> Option<Fault> {
    match errno {
        Errno(libc::EMFILE) => Some(Fault::new(
            b"no descriptor is left to open the policy image",
            b"raise the limit of open files: `ulimit -n`",
        )),
        Errno(libc::ENFILE) => Some(Fault::new(
            b"the machine has no descriptor left to open the policy image",
            b"raise fs.file-max, or end what holds so many files",
        )),
        Errno(libc::ENOMEM) => Some(no_memory()),
        _ => None,
    }
}

/// The one mapping that holds what is kept: the state, and the texts behind it. One, since each costs
/// every process a page.
struct Store {
    start: *mut u8,
    size: usize,
    used: usize,
}

impl Store {
    /// A store for the state and `texts` bytes.
    fn map(texts: usize) -> Result<Self, Fault> {
        let used = size_of::<State>();
        let size = used.saturating_add(texts);
        let start = sys::map_memory(size).map_err(|_| no_memory())?;
        Ok(Self { start, size, used })
    }

    /// `NAME=` and the parts, as a text that lives as long as the process.
    fn assignment(&mut self, name: &[u8], value: [&[u8]; 3]) -> Result<&'static CStr, Fault> {
        let parts = || [name, b"="].into_iter().chain(value);
        let length = parts().map(<[u8]>::len).fold(1_usize, usize::saturating_add);
        let end = self.used.saturating_add(length);
        if end > self.size {
            return Err(no_memory());
        }
        let place = self.start.wrapping_add(self.used);
        self.used = end;
        // SAFETY: a part of the mapping that nobody else was given, cleared by the kernel.
        let bytes = unsafe { core::slice::from_raw_parts_mut(place, length) };
        for (to, from) in bytes.iter_mut().zip(parts().flatten()) {
            *to = *from;
        }
        // SAFETY: the same bytes, which nobody writes from here on and nobody unmaps.
        let bytes = unsafe { core::slice::from_raw_parts(place, length) };
        CStr::from_bytes_until_nul(bytes).map_err(|_| no_memory())
    }

    /// Puts the state at the beginning, and lets nobody write any of it any more.
    fn keep(self, state: State) -> Result<&'static State, Fault> {
        let place = self.start.cast::<State>();
        // SAFETY: page-aligned, and at least that large.
        unsafe { place.write(state) };
        // SAFETY: a mapping of `map_memory`'s that was written for the last time.
        unsafe { sys::seal(self.start, self.size) }.map_err(|_| no_memory())?;
        // SAFETY: initialised, never unmapped, never written again.
        Ok(unsafe { &*place })
    }
}

/// The image to map; `None` when nobody asked for a fence.
fn image_path(start: &Start, ours: Object) -> Option<&'static CStr> {
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

/// The image of a policy that forbids nothing.
fn empty_image() -> Result<Image<'static>, Fault> {
    static EMPTY: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/empty.img"));
    Image::parse(EMPTY).map_err(|_| Fault::new(b"the library is damaged", b"install it anew"))
}

/// Maps the image once it is known that nobody but root and the worker's own user can change it.
fn map_image(path: &'static CStr) -> Result<Image<'static>, Fault> {
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

/// Judged texts need openat2(2), and descriptors' texts a real procfs.
fn check_kernel() -> Result<(), Fault> {
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
fn check_descriptors(image: Image<'static>, among: Audiences) -> Result<(), Fault> {
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

fn environment(
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
