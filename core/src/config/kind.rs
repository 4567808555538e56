//! The kinds of options: which values each takes, and how numbers, text and JSON represent them.

use std::fmt;
use std::time::Duration;

use serde_json::Value;

use crate::config::json;
use crate::error::{Error, ErrorKind};

/// The type of an option as the setters see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum OptionKind {
    /// 0 or 1; `true` or `false` in JSON.
    Bool = 1,
    /// A number, a bit set, or the number of an enum's value.
    Int = 2,
    /// A string.
    Str = 3,
    /// JSON text.
    Json = 4,
}

/// What the number of a number option counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Items,
    Bytes,
    Millis,
    Micros,
}

/// The values that an option takes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Bool,
    /// A whole number between two limits. `note` says what a special number means.
    Int {
        min: u64,
        max: u64,
        unit: Unit,
        note: &'static str,
    },
    /// One of these names, which are numbered from 0 up.
    Choice(&'static [&'static str]),
    /// One of these names, which have no numbers.
    Word(&'static [&'static str]),
    /// A set of these names; the first is bit 0. At least one.
    Bits(&'static [&'static str]),
    /// Text with these rules.
    Text {
        takes: &'static str,
        fits: fn(&str) -> bool,
    },
    /// A JSON value that the field's own type checks.
    Json(&'static str),
}

/// A value that is written to a field or was read from it; its range has been checked.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Setting {
    Bool(bool),
    /// A number, the number of a choice, or a bit set.
    Int(u64),
    Time(Duration),
    Text(String),
    Json(Value),
}

/// Why a value is refused; the option's name is added in front of it later.
pub(super) struct Refusal {
    kind: ErrorKind,
    text: String,
}

impl Refusal {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self {
            kind: ErrorKind::Option,
            text: text.into(),
        }
    }

    pub(super) fn unsupported(text: impl Into<String>) -> Self {
        Self {
            kind: ErrorKind::Unsupported,
            text: text.into(),
        }
    }

    pub(super) fn at(self, name: &str) -> Error {
        Error::new(self.kind, format!("option \"{name}\" {}", self.text))
    }

    /// A refusal of one member of a structure.
    pub(super) fn member(name: &str, takes: &str, value: &Value) -> Self {
        Self::new(format!(
            "has a bad \"{name}\": it takes {takes}, not {}",
            shown(value)
        ))
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self {
            kind: error.kind(),
            text: format!("is {}", error.message()),
        }
    }
}

impl Kind {
    pub(super) const fn option_kind(self) -> OptionKind {
        match self {
            Self::Bool => OptionKind::Bool,
            Self::Int { .. } | Self::Choice(_) | Self::Bits(_) => OptionKind::Int,
            Self::Word(_) | Self::Text { .. } => OptionKind::Str,
            Self::Json(_) => OptionKind::Json,
        }
    }

    pub(super) fn of_int(self, value: i64) -> Result<Setting, Refusal> {
        let refused = || self.refuse(value);
        let number = u64::try_from(value).map_err(|_| refused())?;
        match self {
            Self::Bool if number <= 1 => Ok(Setting::Bool(number == 1)),
            Self::Int { min, max, unit, .. } if (min..=max).contains(&number) => {
                Ok(unit.setting(number))
            }
            Self::Choice(names) if number < names.len() as u64 => Ok(Setting::Int(number)),
            Self::Bits(names) if number > 0 && number < 1 << names.len() => {
                Ok(Setting::Int(number))
            }
            Self::Bool
            | Self::Int { .. }
            | Self::Choice(_)
            | Self::Word(_)
            | Self::Bits(_)
            | Self::Text { .. }
            | Self::Json(_) => Err(refused()),
        }
    }

    pub(super) fn of_text(self, value: &str) -> Result<Setting, Refusal> {
        match self {
            Self::Choice(names) | Self::Word(names) => names
                .iter()
                .position(|name| *name == value)
                .map(|index| Setting::Int(index as u64))
                .ok_or_else(|| self.refuse(quoted(value))),
            Self::Text { fits, .. } if fits(value) => Ok(Setting::Text(value.to_owned())),
            Self::Json(_) => Ok(Setting::Json(json::parse(value)?)),
            Self::Bool | Self::Int { .. } | Self::Bits(_) | Self::Text { .. } => {
                Err(self.refuse(quoted(value)))
            }
        }
    }

    pub(super) fn of_json(self, value: &Value) -> Result<Setting, Refusal> {
        match (self, value) {
            (Self::Json(_), value) => Ok(Setting::Json(value.clone())),
            (Self::Bool, Value::Bool(flag)) => Ok(Setting::Bool(*flag)),
            (Self::Int { .. }, Value::Number(_)) => {
                let number = whole_number(value).ok_or_else(|| self.refuse(shown(value)))?;
                self.of_int(number)
            }
            (Self::Choice(_) | Self::Word(_) | Self::Text { .. }, Value::String(text)) => {
                self.of_text(text)
            }
            (Self::Bits(names), Value::Array(items)) => {
                let mut bits = 0;
                for item in items {
                    if item == "webtransport" {
                        return Err(Refusal::unsupported(
                            "names \"webtransport\", which this version does not have",
                        ));
                    }
                    let bit = names.iter().position(|name| item == name);
                    bits |= 1 << bit.ok_or_else(|| self.refuse(shown(item)))?;
                }
                self.of_int(bits).map_err(|_| self.refuse("an empty array"))
            }
            _ => Err(self.refuse(shown(value))),
        }
    }

    /// The JSON that [`of_json`](Self::of_json) turns into this setting.
    pub(super) fn to_json(self, setting: Setting) -> Value {
        match setting {
            Setting::Bool(flag) => flag.into(),
            Setting::Text(text) => text.into(),
            Setting::Json(value) => value,
            Setting::Time(time) => match self {
                Self::Int {
                    unit: Unit::Micros, ..
                } => saturated(time.as_micros()).into(),
                _ => saturated(time.as_millis()).into(),
            },
            Setting::Int(number) => match self {
                Self::Choice(names) | Self::Word(names) => names[number as usize].into(),
                Self::Bits(names) => names
                    .iter()
                    .enumerate()
                    .filter(|(bit, _)| number >> bit & 1 == 1)
                    .map(|(_, name)| Value::from(*name))
                    .collect(),
                _ => number.into(),
            },
        }
    }

    fn refuse(self, value: impl fmt::Display) -> Refusal {
        Refusal::new(format!("takes {self}, not {value}"))
    }
}

/// A description of the values: "a whole number from 1 to 10 (milliseconds)".
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool => f.write_str("true or false"),
            Self::Int {
                min,
                max,
                unit,
                note,
            } => {
                write!(f, "a whole number from {min} to {max}")?;
                match (unit.plural(), *note) {
                    ("", "") => Ok(()),
                    (unit, "") => write!(f, " ({unit})"),
                    ("", note) => write!(f, " ({note})"),
                    (unit, note) => write!(f, " ({unit}; {note})"),
                }
            }
            Self::Choice(names) | Self::Word(names) => {
                f.write_str("one of ")?;
                list(f, names)
            }
            Self::Bits(names) => {
                f.write_str("an array with at least one of ")?;
                list(f, names)
            }
            Self::Text { takes, .. } | Self::Json(takes) => f.write_str(takes),
        }
    }
}

impl Unit {
    fn setting(self, number: u64) -> Setting {
        match self {
            Self::Items | Self::Bytes => Setting::Int(number),
            Self::Millis => Setting::Time(Duration::from_millis(number)),
            Self::Micros => Setting::Time(Duration::from_micros(number)),
        }
    }

    const fn plural(self) -> &'static str {
        match self {
            Self::Items => "",
            Self::Bytes => "bytes",
            Self::Millis => "milliseconds",
            Self::Micros => "microseconds",
        }
    }
}

fn list(f: &mut fmt::Formatter<'_>, names: &[&str]) -> fmt::Result {
    for (index, name) in names.iter().enumerate() {
        write!(f, "{}\"{name}\"", if index == 0 { "" } else { ", " })?;
    }
    Ok(())
}

/// The value as JSON, shortened to fit into an error message.
fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

fn quoted(text: &str) -> String {
    shown(&Value::from(text))
}

fn saturated(number: u128) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// A JSON number without a fraction: `5`, but also `5.0` and `5e0`, which JSON does not tell apart.
pub(super) fn whole_number(value: &Value) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    value.as_i64().or_else(|| {
        let float = value.as_f64()?;
        (float.fract() == 0.0 && float.abs() < EXACT).then_some(float as i64)
    })
}
