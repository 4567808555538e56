//! The table of the options for tools and documentation.

use std::sync::LazyLock;

use serde_json::Value;

use crate::config::by_name;
use crate::config::kind::OptionKind;
use crate::config::options::{Config, Row, TABLE};

/// The description of one option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptionInfo {
    /// The number for the setters.
    pub number: u32,
    /// Which setter it takes.
    pub kind: OptionKind,
    /// The name in JSON; a name after a dot is a member of the object before it.
    pub name: &'static str,
    /// The default: a string as it is, anything else as JSON.
    pub default_text: String,
    /// The values that the option takes, in words: "a whole number from 1 to 1024".
    pub takes: String,
    /// What the option means, in Markdown; other options are named as in JSON, in backquotes.
    pub doc: String,
}

static ALL: LazyLock<Vec<OptionInfo>> = LazyLock::new(|| {
    let default = Config::default();
    let info = |row: &Row| OptionInfo {
        number: row.number,
        kind: row.kind.option_kind(),
        name: row.name,
        default_text: match row.to_json(&default) {
            Value::String(text) => text,
            value => value.to_string(),
        },
        takes: row.kind.to_string(),
        doc: row
            .doc
            .iter()
            .map(|line| line.trim())
            .collect::<Vec<_>>()
            .join(" "),
    };
    TABLE.iter().map(info).collect()
});

impl OptionInfo {
    /// Every option of this version.
    #[must_use]
    pub fn all() -> &'static [Self] {
        &ALL
    }

    /// The option at this place of the list, counted from 0.
    #[must_use]
    pub fn at(index: usize) -> Option<&'static Self> {
        ALL.get(index)
    }

    /// The number of the option with this name.
    #[must_use]
    pub fn number_of(name: &str) -> Option<u32> {
        by_name(name).map(|row| row.number)
    }
}
