//! The calendar: a moment in UTC, read from ISO 8601 or from seconds, and written as HTTP and JavaScript write it.

use std::fmt;

/// A moment in UTC, to the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UtcDate {
    year: u16,
    month: u8,
    day: u8,
    hour: u8,
    minute: u8,
    second: u8,
}

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];
const WEEKDAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

impl UtcDate {
    /// Reads `2026-11-21T07:28:00Z`, also with a fraction of a second, which is dropped.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.strip_suffix('Z')?;
        let (seconds, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let bytes: &[u8; 19] = seconds.as_bytes().try_into().ok()?;
        let shape = bytes.iter().zip(b"0000-00-00T00:00:00");
        let fits = |(byte, mark): (&u8, &u8)| match mark {
            b'0' => byte.is_ascii_digit(),
            mark => byte == mark,
        };
        let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if !shape.into_iter().all(fits) || fraction.is_empty() || !all_digits(fraction) {
            return None;
        }
        let two = |at: usize| (bytes[at] - b'0') * 10 + (bytes[at + 1] - b'0');
        let date = Self {
            year: u16::from(two(0)) * 100 + u16::from(two(2)),
            month: two(5),
            day: two(8),
            hour: two(11),
            minute: two(14),
            second: two(17),
        };
        let in_range = (1..=12).contains(&date.month)
            && (1..=date.days_of_month()).contains(&date.day)
            && date.hour < 24
            && date.minute < 60
            && date.second < 60;
        in_range.then_some(date)
    }

    /// The moment that is this many seconds after the beginning of 1970. The Gregorian calendar repeats every 146 097 days.
    #[must_use]
    pub fn from_unix(seconds: u64) -> Self {
        let shifted = seconds / 86_400 + 719_468;
        let era = shifted / 146_097;
        let day_of_era = shifted % 146_097;
        let year_of_era =
            (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let month = if shifted_month < 10 {
            shifted_month + 3
        } else {
            shifted_month - 9
        };
        let year = year_of_era + era * 400 + u64::from(month <= 2);
        Self {
            // A clock that is 63 000 years ahead is wrong in any case.
            year: u16::try_from(year).unwrap_or(u16::MAX),
            month: month as u8,
            day: (day_of_year - (153 * shifted_month + 2) / 5 + 1) as u8,
            hour: (seconds / 3600 % 24) as u8,
            minute: (seconds / 60 % 60) as u8,
            second: (seconds % 60) as u8,
        }
    }

    /// The format of JavaScript's `Date.toString`: `Sat Nov 21 2026 07:28:00 GMT+0000 (Coordinated Universal Time)`.
    #[must_use]
    pub fn to_javascript(self) -> String {
        format!(
            "{} {} {:02} {:04} {:02}:{:02}:{:02} GMT+0000 (Coordinated Universal Time)",
            self.weekday(),
            MONTHS[usize::from(self.month) - 1],
            self.day,
            self.year,
            self.hour,
            self.minute,
            self.second
        )
    }

    /// The form that [`parse`](Self::parse) reads.
    #[must_use]
    pub fn to_iso(self) -> String {
        format!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.000Z",
            self.year, self.month, self.day, self.hour, self.minute, self.second
        )
    }

    const fn days_of_month(self) -> u8 {
        let leap = self.year.is_multiple_of(4)
            && (!self.year.is_multiple_of(100) || self.year.is_multiple_of(400));
        match self.month {
            4 | 6 | 9 | 11 => 30,
            2 if leap => 29,
            2 => 28,
            _ => 31,
        }
    }

    fn weekday(self) -> &'static str {
        // The year is taken to begin in March, so that the leap day is its last. A cycle of 400
        // years is a whole number of weeks, so adding one keeps January of year 0 positive.
        let early = self.month < 3;
        let year = u32::from(self.year) + 400 - u32::from(early);
        let month = (u32::from(self.month) + 9) % 12;
        let days = year * 365 + year / 4 - year / 100
            + year / 400
            + (month * 153 + 2) / 5
            + u32::from(self.day);
        // The first of March of year 0 was a Wednesday.
        WEEKDAYS[((days + 2) % 7) as usize]
    }
}

/// `Sat, 21 Nov 2026 07:28:00 GMT`.
impl fmt::Display for UtcDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT",
            self.weekday(),
            self.day,
            MONTHS[usize::from(self.month) - 1],
            self.year,
            self.hour,
            self.minute,
            self.second
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_as_http_does() {
        for (iso, http) in [
            ("2026-11-21T07:28:00.000Z", "Sat, 21 Nov 2026 07:28:00 GMT"),
            ("1970-01-01T00:00:00Z", "Thu, 01 Jan 1970 00:00:00 GMT"),
            ("2000-02-29T23:59:59.999Z", "Tue, 29 Feb 2000 23:59:59 GMT"),
            ("2000-03-01T00:00:00Z", "Wed, 01 Mar 2000 00:00:00 GMT"),
            ("1900-03-01T00:00:00Z", "Thu, 01 Mar 1900 00:00:00 GMT"),
            ("9999-12-31T23:59:59Z", "Fri, 31 Dec 9999 23:59:59 GMT"),
            ("0000-01-01T00:00:00Z", "Sat, 01 Jan 0000 00:00:00 GMT"),
            ("0099-06-15T12:00:00Z", "Mon, 15 Jun 0099 12:00:00 GMT"),
        ] {
            let date = UtcDate::parse(iso).expect(iso);
            assert_eq!(date.to_string(), http);
            assert_eq!(UtcDate::parse(&date.to_iso()), Some(date));
        }
    }

    #[test]
    fn seconds_are_read_as_the_calendar_counts() {
        for (seconds, iso) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_868_799, "2000-02-29T23:59:59.000Z"),
            (951_868_800, "2000-03-01T00:00:00.000Z"),
            (1_795_246_080, "2026-11-21T07:28:00.000Z"),
            (253_402_300_799, "9999-12-31T23:59:59.000Z"),
        ] {
            assert_eq!(UtcDate::from_unix(seconds).to_iso(), iso);
        }
        let date = UtcDate::from_unix(1_795_246_080).to_javascript();
        assert_eq!(
            date,
            "Sat Nov 21 2026 07:28:00 GMT+0000 (Coordinated Universal Time)"
        );
        assert_eq!(UtcDate::from_unix(u64::MAX).year, u16::MAX);
    }

    #[test]
    fn texts_that_are_not_dates_are_refused() {
        for text in [
            "",
            "Z",
            "2026-11-21",
            "2026-11-21T07:28:00",
            "2026-11-21T07:28:00+01:00",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-02-29T00:00:00Z",
            "1900-02-29T00:00:00Z",
            "2026-01-00T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:60:00Z",
            "2026-01-01T00:00:60Z",
            "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00:00.xZ",
            "2026-01-01 00:00:00Z",
            "２026-01-01T00:00:00Z",
            "2026-01-01T00:00:00\r\nZ",
        ] {
            assert_eq!(UtcDate::parse(text), None, "{text}");
        }
    }
}
