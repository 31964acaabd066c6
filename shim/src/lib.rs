//! The shim: what runs inside a fenced worker.
#![no_std]

// The test harness brings its own.
#[cfg(not(test))]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
