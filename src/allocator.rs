//! Where the program's memory comes from. The library leaves that to who uses it.

/// Feeds are made of many small strings, on threads that take turns: glibc's allocator took a seventh of the processor under load,
/// and let p99 grow with it (`benches/load.rs`).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// `mi_option_purge_delay` of mimalloc 3 (mimalloc.h), which its bindings don't name.
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;

/// How long mimalloc keeps memory that nobody uses, in milliseconds: not at all. It would be a second, in which a server under load
/// writes a hundred megabytes of feeds.
const KEPT: std::ffi::c_long = 0;

/// Has the allocator hand memory back early. It can be told so in no other way but by the environment.
#[expect(unsafe_code, reason = "a foreign function; it sets a number, and no other thread is there yet")]
pub fn hand_memory_back() {
    unsafe { libmimalloc_sys::mi_option_set(PURGE_DELAY, KEPT) };
}
