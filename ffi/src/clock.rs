//! The clock of events: CLOCK_MONOTONIC as a number, next to the opaque `Instant`.

use std::ffi::{c_int, c_long};
use std::time::Instant;

/// The same time on both clocks: `Instant` uses CLOCK_MONOTONIC, but does not show its value.
#[expect(
    clippy::disallowed_methods,
    reason = "both clocks are read once for each server"
)]
pub(crate) fn clocks() -> (Instant, u64) {
    let mut time = Timespec { sec: 0, nsec: 0 };
    // SAFETY: it writes the time into the struct.
    unsafe { clock_gettime(CLOCK_MONOTONIC, &raw mut time) };
    (
        Instant::now(),
        time.sec as u64 * 1_000_000_000 + time.nsec as u64,
    )
}

/// `struct timespec`
#[repr(C)]
struct Timespec {
    sec: c_long,
    nsec: c_long,
}

const CLOCK_MONOTONIC: c_int = 1;

unsafe extern "C" {
    /// From POSIX. Valgrind supports the C library's function, but not direct calls into the vDSO.
    fn clock_gettime(clock: c_int, time: *mut Timespec) -> c_int;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_clocks_go_together() {
        let (first, first_ns) = clocks();
        std::thread::yield_now();
        let (second, second_ns) = clocks();
        let passed = (second - first).as_nanos() as i64;
        assert!(first_ns > 0 && (second_ns as i64 - first_ns as i64 - passed).abs() < 50_000_000);
    }
}
