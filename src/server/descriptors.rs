//! How many connections the system has room for: each is an open file, and many systems give a process 1,024 of those until
//! it asks for more.

/// Open files beside connections: the store, its log, fetches, the terminal.
const BESIDE: usize = 128;

/// Of `wanted` connections as many as there may be, after asking the system for room.
pub(super) fn room_for(wanted: usize) -> usize {
    let Some(files) = raised(wanted.saturating_add(BESIDE)) else { return wanted };
    // However few, one client is served after the other.
    let room = files.saturating_sub(BESIDE).max(files / 2).max(1);
    if room < wanted {
        tracing::warn!(
            "only {room} connections at once instead of {wanted}: the system lets this process open {files} files; \
             raise the limit (`ulimit -n`, or LimitNOFILE in a systemd unit)"
        );
    }
    room.min(wanted)
}

/// How many files may be open, after raising that to `wanted` as far as it can be. None: as many as one likes.
#[cfg(unix)]
fn raised(wanted: usize) -> Option<usize> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let whole = |limit: u64| usize::try_from(limit).unwrap_or(usize::MAX);
    let now = getrlimit(Resource::Nofile);
    let current = whole(now.current?);
    if current >= wanted {
        return Some(current);
    }
    let most = now.maximum.map_or(wanted, |most| whole(most).min(wanted));
    let raised = Rlimit { current: Some(most as u64), maximum: now.maximum };
    // Refused it stays what it was.
    Some(if setrlimit(Resource::Nofile, raised).is_ok() { most } else { current })
}

#[cfg(not(unix))]
fn raised(_: usize) -> Option<usize> {
    None
}
