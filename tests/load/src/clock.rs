//! Nanoseconds of the monotonic clock, the one time base of all measurements, and today's date.

use rustix::time::{ClockId, clock_gettime};

pub(crate) const MILLISECOND: u64 = 1_000_000;
pub(crate) const SECOND: u64 = 1_000_000_000;

pub(crate) fn now_ns() -> u64 {
    let t = clock_gettime(ClockId::Monotonic);
    t.tv_sec.unsigned_abs() * SECOND + t.tv_nsec.unsigned_abs()
}

/// The day in UTC, as `2026-01-31`.
pub(crate) fn today() -> String {
    let seconds = clock_gettime(ClockId::Realtime).tv_sec.unsigned_abs();
    date(seconds / 86_400)
}

/// The date this many days after 1970-01-01. Years are counted from March, so that the day that some
/// of them have more stands at their end; 400 of them always have 146 097 days.
fn date(days: u64) -> String {
    let days = days + 719_468;
    let day_of_era = days % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = (shifted_month + 2) % 12 + 1;
    let year = days / 146_097 * 400 + year_of_era + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::date;

    #[test]
    fn days_have_dates() {
        let days = [0, 59, 11_016, 19_782, 20_453];
        let dates = [
            "1970-01-01",
            "1970-03-01",
            "2000-02-29",
            "2024-02-29",
            "2025-12-31",
        ];
        assert_eq!(days.map(date), dates);
    }
}
