//! A cause: the limit, deadline or rule that ended a connection or refused something, with its numbers. It is made
//! where the fault is detected; the event about the end and the log line about it contain it.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

/// The kind of rule that a [`Cause`] names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum CauseKind {
    /// A limit was exceeded.
    Limit = 1,
    /// Something did not happen within the time that an option allows.
    Deadline = 2,
    /// Bytes that could not be decoded.
    Parse = 3,
    /// A packet, frame or request that the protocol does not allow here.
    Violation = 4,
    /// The network connection broke, or the client closed it in an unusual way.
    Transport = 5,
}

impl CauseKind {
    /// The name in the interfaces: `limit`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Limit => "limit",
            Self::Deadline => "deadline",
            Self::Parse => "parse",
            Self::Violation => "violation",
            Self::Transport => "transport",
        }
    }
}

/// Why a connection ended or something was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    kind: CauseKind,
    text: Cow<'static, str>,
    option: &'static str,
    limit: u64,
    seen: Option<u64>,
}

impl Cause {
    /// More than `option` allows: `limit` is its value. `text` says what was too much.
    pub fn limit(option: &'static str, limit: usize, text: impl Into<Cow<'static, str>>) -> Self {
        Self {
            option,
            limit: limit as u64,
            ..Self::new(CauseKind::Limit, text)
        }
    }

    /// The time that `option` allows has passed. `text` says what did not happen.
    pub fn deadline(
        option: &'static str,
        limit: Duration,
        text: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            option,
            limit: u64::try_from(limit.as_millis()).unwrap_or(u64::MAX),
            ..Self::new(CauseKind::Deadline, text)
        }
    }

    /// Bytes that could not be decoded.
    pub fn parse(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(CauseKind::Parse, text)
    }

    /// A packet, frame or request that the protocol does not allow here.
    pub fn violation(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(CauseKind::Violation, text)
    }

    /// The network connection broke, or the client closed it in an unusual way.
    pub fn transport(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(CauseKind::Transport, text)
    }

    fn new(kind: CauseKind, text: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            text: text.into(),
            option: "",
            limit: 0,
            seen: None,
        }
    }

    /// Adds the number that was compared with the limit.
    #[must_use]
    pub fn with_seen(mut self, seen: usize) -> Self {
        self.seen = Some(seen as u64);
        self
    }

    /// The kind of rule.
    pub fn kind(&self) -> CauseKind {
        self.kind
    }

    /// Whether this is a limit that a correct client can reach, and that the host can change. The log warns of these.
    pub fn is_of_limit(&self) -> bool {
        self.kind == CauseKind::Limit || self.option == "engine.sendTimeout"
    }

    /// What happened, in the words of the official server if it has a message for it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The option that sets the limit or the deadline, by its name in JSON (`engine.maxFragments`); `None` where no
    /// option is concerned.
    pub fn option(&self) -> Option<&'static str> {
        (!self.option.is_empty()).then_some(self.option)
    }

    /// The option's value: a number, bytes or milliseconds.
    pub fn limit_value(&self) -> Option<u64> {
        self.option().map(|_| self.limit)
    }

    /// The number that was compared with it, where it is known.
    pub fn seen(&self) -> Option<u64> {
        self.seen
    }

    /// The cause as a JSON object: `{"kind":"limit","text":"…","option":"maxHttpBufferSize","limit":1000,"seen":1001}`.
    pub fn to_json(&self) -> Vec<u8> {
        let mut out = format!("{{\"kind\":\"{}\",\"text\":", self.kind.as_str()).into_bytes();
        crate::json::write_string(&mut out, &self.text);
        if let Some(option) = self.option() {
            out.extend_from_slice(
                format!(",\"option\":\"{option}\",\"limit\":{}", self.limit).as_bytes(),
            );
        }
        if let Some(seen) = self.seen {
            out.extend_from_slice(format!(",\"seen\":{seen}").as_bytes());
        }
        out.push(b'}');
        out
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        let unit = if self.kind == CauseKind::Deadline {
            " ms"
        } else {
            ""
        };
        match (self.option(), self.seen) {
            (Some(option), Some(seen)) => {
                write!(f, " ({option} is {}{unit}, seen {seen}{unit})", self.limit)
            }
            (Some(option), None) => write!(f, " ({option} is {}{unit})", self.limit),
            (None, _) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_words_and_numbers() {
        let too_large = Cause::limit("maxHttpBufferSize", 1000, "Max payload size exceeded");
        assert_eq!(
            too_large.to_string(),
            "Max payload size exceeded (maxHttpBufferSize is 1000)"
        );
        let too_large = too_large.with_seen(3000);
        assert_eq!(
            too_large.to_string(),
            "Max payload size exceeded (maxHttpBufferSize is 1000, seen 3000)"
        );
        assert_eq!(
            String::from_utf8(too_large.to_json()).unwrap(),
            r#"{"kind":"limit","text":"Max payload size exceeded","option":"maxHttpBufferSize","limit":1000,"seen":3000}"#
        );
        let late = Cause::deadline(
            "connectTimeout",
            Duration::from_secs(45),
            "no namespace was joined",
        );
        assert_eq!(
            late.to_string(),
            "no namespace was joined (connectTimeout is 45000 ms)"
        );
        let broken = Cause::parse("invalid \"payload\"");
        assert_eq!(
            (broken.option(), broken.limit_value(), broken.seen()),
            (None, None, None)
        );
        assert_eq!(
            String::from_utf8(broken.to_json()).unwrap(),
            r#"{"kind":"parse","text":"invalid \"payload\""}"#
        );
    }
}
