//! The options of a server, with their defaults and checks.
//!
//! `options.rs` has the table; everything else is derived from it. A [`Config`] is set by option number, by JSON or
//! field by field, and [checked](Config::check) when a server is created with it.

mod cookie;
mod cors;
mod field;
mod info;
mod json;
mod kind;
mod options;
mod suggest;
mod unsupported;
mod values;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::time::Duration;

pub use crate::config::cookie::{CookieOptions, CookiePriority, SameSite};
pub use crate::config::cors::{AllowedHeaders, CorsOptions, CorsOrigin, Preflight};
pub use crate::config::info::OptionInfo;
pub use crate::config::kind::OptionKind;
pub use crate::config::options::Config;
pub use crate::config::values::{Delivery, Protocol, SendBufferPolicy, Transports};
pub use crate::date::UtcDate;

use crate::config::options::{Row, TABLE};
use crate::error::{Error, ErrorKind, Result};

impl Config {
    /// Sets a flag, a number, an enum or a bit set.
    ///
    /// # Errors
    /// `Option` for an unknown number, another type or a value out of range; `Unsupported` for an
    /// option that this version does not have.
    pub fn set_int(&mut self, number: u32, value: i64) -> Result<()> {
        let Some(row) = by_number(number) else {
            return unsupported::set_int(number, value);
        };
        let setting = row
            .kind
            .of_int(value)
            .map_err(|refusal| refusal.at(row.name))?;
        row.put(self, setting)
            .map_err(|refusal| refusal.at(row.name))
    }

    /// Sets a string, an enum by its name, or an option that is JSON.
    ///
    /// # Errors
    /// As [`set_int`](Self::set_int).
    pub fn set_str(&mut self, number: u32, value: &str) -> Result<()> {
        let Some(row) = by_number(number) else {
            return unsupported::set_str(number, value);
        };
        let setting = row
            .kind
            .of_text(value)
            .map_err(|refusal| refusal.at(row.name))?;
        row.put(self, setting)
            .map_err(|refusal| refusal.at(row.name))
    }

    /// Finds invalid combinations of options, and fields that were set directly to values that the setters refuse.
    /// Called when a server is created.
    ///
    /// # Errors
    /// `Option`, naming the option.
    pub fn check(&self) -> Result<()> {
        let mut scratch = self.clone();
        for row in TABLE {
            let value = row.to_json(self);
            json::put(row, &mut scratch, &value)?;
        }
        if self.send_buffer_low > self.send_buffer_high {
            return Err(Error::new(
                ErrorKind::Option,
                format!(
                    "option \"engine.sendBufferLow\" ({}) is above \"engine.sendBufferHigh\" ({})",
                    self.send_buffer_low, self.send_buffer_high
                ),
            ));
        }
        let any_origin = |cors: &CorsOptions| cors.origin == CorsOrigin::Any && cors.credentials;
        if self.cors.as_ref().is_some_and(any_origin) {
            return Err(Error::new(
                ErrorKind::Option,
                "option \"cors\" has \"credentials\" with the origin \"*\", which no browser \
                 accepts: name the origins",
            ));
        }
        Ok(())
    }

    /// The prefix of a request's raw URL by which the engine recognises its requests.
    ///
    /// It is `path` without a slash at its end, and with one if `addTrailingSlash` is on.
    #[must_use]
    pub fn request_path(&self) -> Cow<'_, str> {
        let path = self.path.strip_suffix('/').unwrap_or(&self.path);
        if !self.add_trailing_slash {
            path.into()
        } else if path.len() < self.path.len() {
            self.path.as_str().into()
        } else {
            format!("{path}/").into()
        }
    }

    /// The options whose value differs from the default: name and value.
    pub fn changed(&self) -> impl Iterator<Item = (&'static str, serde_json::Value)> {
        let default = Self::default();
        TABLE.iter().filter_map(move |row| {
            let value = row.to_json(self);
            (value != row.to_json(&default)).then_some((row.name, value))
        })
    }

    /// The time within which the host has to answer a question.
    #[must_use]
    pub fn answer_timeout(&self) -> Duration {
        self.deferred_timeout.unwrap_or(self.connect_timeout)
    }

    /// The time after which a client that reads nothing of what waits for it is disconnected.
    #[must_use]
    pub fn progress_timeout(&self) -> Duration {
        let silence = self.ping_interval + self.ping_timeout;
        self.send_timeout.unwrap_or(silence)
    }
}

fn by_number(number: u32) -> Option<&'static Row> {
    TABLE.iter().find(|row| row.number == number)
}

fn by_name(name: &str) -> Option<&'static Row> {
    TABLE.iter().find(|row| row.name == name)
}
