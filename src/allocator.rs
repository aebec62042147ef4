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

/// `mi_option_generic_collect` of mimalloc 3.
const GENERIC_COLLECT: libmimalloc_sys::mi_option_t = 34;

/// After how many of its slower allocations a thread gives back what it keeps for itself. It would be ten thousand. Each thread keeps
/// pages for each size of block, and the two dozen of a busy server kept three times what was in use, and ever more for an hour
/// (`benches/soak.rs`): a thread that has little to do seldom comes that far.
const SLOW_ALLOCATIONS: std::ffi::c_long = 500;

/// Has the allocator hand memory back early. It can be told so in no other way but by the environment.
#[expect(unsafe_code, reason = "a foreign function; it sets numbers, and no other thread is there yet")]
pub fn hand_memory_back() {
    unsafe {
        libmimalloc_sys::mi_option_set(PURGE_DELAY, KEPT);
        libmimalloc_sys::mi_option_set(GENERIC_COLLECT, SLOW_ALLOCATIONS);
    }
}

#[cfg(test)]
mod tests {
    /// The numbers that its header gives them by their order alone. What it sets by itself shows that they are still meant.
    #[test]
    #[expect(unsafe_code, reason = "a foreign function that reads a number")]
    fn options_are_those_that_are_meant() {
        let set_by_itself = |option| unsafe { libmimalloc_sys::mi_option_get(option) };
        assert_eq!((set_by_itself(super::PURGE_DELAY), set_by_itself(super::GENERIC_COLLECT)), (1000, 10_000));
    }
}
