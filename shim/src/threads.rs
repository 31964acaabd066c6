//! The doors to a new thread. Who asks is known by the return address alone, so libc's function is
//! jumped to, as in [`crate::doors`], or called and answered for where something is handed over.

#![expect(unsafe_code, reason = "naked functions, and the arguments of a call")]
#![expect(clippy::fn_to_numeric_cast_any, reason = "where code lies is what a door answers")]

use core::ffi::{CStr, c_int, c_void};
use core::mem::offset_of;

use crate::act::configured::{self, Secret};
use crate::act::thread::{self, THRD_ERROR};
use crate::arm::{State, armed};
use crate::doors::{Next, Registers, answer, door_body, fail};
use crate::interpose::Hook;
use crate::lineage::Beginning;
use crate::report::Call;
use crate::sys::{self, Errno};

/// Makes doors and their list: `symbol => function of the registers;`
macro_rules! thread_doors {
    ($($name:ident => $judge:path;)*) => {
        $(
            #[unsafe(naked)]
            #[cfg_attr(not(test), unsafe(no_mangle))]
            unsafe extern "C" fn $name() {
                door_body!($judge, 0)
            }
        )*
    };
}

/// Lists every hook of this file.
macro_rules! list {
    ($($name:ident)*) => {
        /// Every hook of this file.
        pub(crate) static THREADS: &[Hook] = &[$(
            Hook { name: concat!(stringify!($name), "\0").as_bytes(), entry: $name as Next },
        )*];
    };
}

thread_doors! {
    pthread_create => create;
    thrd_create => create_c11;
    timer_create => timer;
    mq_notify => queue;
    aio_read => read;
    aio_read64 => read;
    aio_write => write;
    aio_write64 => write;
    aio_fsync => synchronise;
    aio_fsync64 => synchronise;
    lio_listio => several;
    lio_listio64 => several;
    getaddrinfo_a => addresses;
}

list! {
    pthread_create thrd_create timer_create mq_notify aio_read aio_read64 aio_write aio_write64
    aio_fsync aio_fsync64 lio_listio lio_listio64 getaddrinfo_a
}

extern "C" fn create(registers: &mut Registers) -> Next {
    let state = armed();
    let libc = state.next.pthread_create as Next;
    let Some(callers) = state.callers else { return libc };
    let call = Call("pthread_create");
    match thread::judge(state, callers, call, registers.frame()) {
        Err(errno) => answer(registers, errno.0.cast_unsigned() as usize),
        Ok(lineage) if lineage.is_neutral() => libc,
        Ok(lineage) => {
            let [id, attributes, start, argument, ..] = registers.words();
            let id = core::ptr::with_exposed_provenance_mut(id);
            let attributes = core::ptr::with_exposed_provenance(attributes);
            let beginning = Beginning { start, argument };
            // SAFETY: the caller called pthread_create(3), with what that demands.
            let made =
                unsafe { thread::create(state, callers, lineage, (id, attributes), beginning) };
            answer(registers, made.cast_unsigned() as usize)
        }
    }
}

extern "C" fn create_c11(registers: &mut Registers) -> Next {
    let state = armed();
    let libc = state.next.thrd_create as Next;
    let Some(callers) = state.callers else { return libc };
    match thread::judge(state, callers, Call("thrd_create"), registers.frame()) {
        Err(_) => answer(registers, THRD_ERROR.cast_unsigned() as usize),
        Ok(lineage) if lineage.is_neutral() => libc,
        Ok(lineage) => {
            let [id, start, argument, ..] = registers.words();
            let id = core::ptr::with_exposed_provenance_mut(id);
            let beginning = Beginning { start, argument };
            // SAFETY: the caller called thrd_create(3), with what that demands.
            let made = unsafe { thread::create_c11(state, callers, lineage, id, beginning) };
            answer(registers, made.cast_unsigned() as usize)
        }
    }
}

/// What tells how the end of something is told, `struct sigevent` of libc, as far as it matters:
/// it begins with a value and a signal's number.
const NOTIFY: usize = 12;

/// Whether a `struct sigevent` at that address asks for a thread.
fn asks_for_thread(event: usize) -> bool {
    let how = core::ptr::with_exposed_provenance::<c_int>(event.wrapping_add(NOTIFY));
    if event == 0 || sys::is_wild(how) {
        return false;
    }
    // SAFETY: the caller's function demands a structure there, or null.
    (unsafe { how.read_volatile() }) == libc::SIGEV_THREAD
}

/// Whether a `struct aiocb` at that address asks for a thread.
fn request_asks(request: usize) -> bool {
    let wild = sys::is_wild(core::ptr::with_exposed_provenance::<u8>(request));
    !wild && asks_for_thread(request.wrapping_add(offset_of!(libc::aiocb, aio_sigevent)))
}

/// Goes on to libc, or fails with EPERM where a thread is asked for that a rule refuses.
fn notify(registers: &mut Registers, name: &'static CStr, asks: bool) -> Next {
    let state = armed();
    match judge(state, registers, name, asks) {
        Ok(()) => libc(registers, state, name),
        Err(errno) => fail(registers, errno),
    }
}

fn judge(
    state: &State,
    registers: &Registers,
    name: &'static CStr,
    asks: bool,
) -> Result<(), Errno> {
    let (true, Some(callers)) = (asks, state.callers) else { return Ok(()) };
    let call = Call(name.to_str().unwrap_or_default());
    thread::judge(state, callers, call, registers.frame()).map(|_| ())
}

/// These are seldom called: libc's own is looked up each time.
fn libc(registers: &mut Registers, state: &State, name: &CStr) -> Next {
    match state.symbols.symbol(name) {
        Some(address) => core::ptr::with_exposed_provenance::<c_void>(address),
        None => fail(registers, Errno::ENOSYS),
    }
}

extern "C" fn timer(registers: &mut Registers) -> Next {
    let [_, event, ..] = registers.words();
    notify(registers, c"timer_create", asks_for_thread(event))
}

extern "C" fn queue(registers: &mut Registers) -> Next {
    let [_, event, ..] = registers.words();
    notify(registers, c"mq_notify", asks_for_thread(event))
}

extern "C" fn read(registers: &mut Registers) -> Next {
    let [request, ..] = registers.words();
    notify(registers, c"aio_read", request_asks(request))
}

extern "C" fn write(registers: &mut Registers) -> Next {
    let [request, ..] = registers.words();
    notify(registers, c"aio_write", request_asks(request))
}

extern "C" fn synchronise(registers: &mut Registers) -> Next {
    let [_, request, ..] = registers.words();
    notify(registers, c"aio_fsync", request_asks(request))
}

extern "C" fn several(registers: &mut Registers) -> Next {
    let [_, list, count, event, ..] = registers.words();
    let list = core::ptr::with_exposed_provenance::<usize>(list);
    let count = if sys::is_wild(list) { 0 } else { usize::try_from(int(count)).unwrap_or(0) };
    let each = (0..count).any(|number| {
        // SAFETY: lio_listio(3) demands as many pointers there.
        let request = unsafe { list.wrapping_add(number).read_volatile() };
        request_asks(request)
    });
    notify(registers, c"lio_listio", each || asks_for_thread(event))
}

/// `EAI_SYSTEM` of netdb.h: errno says why.
const EAI_SYSTEM: isize = -11;

extern "C" fn addresses(registers: &mut Registers) -> Next {
    let state = armed();
    let name = c"getaddrinfo_a";
    let [_, _, _, event, ..] = registers.words();
    let touched = configured::judge(state, Call("getaddrinfo_a"), Secret::ResolverFiles);
    match touched.and_then(|()| judge(state, registers, name, asks_for_thread(event))) {
        Ok(()) => libc(registers, state, name),
        Err(errno) => {
            sys::set_errno(errno);
            answer(registers, EAI_SYSTEM.cast_unsigned())
        }
    }
}

/// The low half of a register, as C's int has it.
#[expect(clippy::cast_possible_truncation, reason = "the upper half of an int's register is noise")]
const fn int(word: usize) -> c_int {
    word as u32 as c_int
}
