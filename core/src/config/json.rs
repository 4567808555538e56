//! Options as one JSON object: Socket.IO's names at the top, the engine's own under "engine".
use serde_json::{Map, Value};

use crate::config::options::{Config, Row, TABLE};
use crate::config::{by_name, suggest, unsupported};
use crate::error::{Error, ErrorKind, Result};

const ENGINE: &str = "engine";

impl Config {
    /// Sets the options of a JSON object. On an error nothing is changed.
    ///
    /// # Errors
    /// `Json` with the byte offset for text that is not JSON, `Option` for an unknown name or an invalid value,
    /// `Unsupported` for an option that this version does not have.
    pub fn set_json(&mut self, text: &str) -> Result<()> {
        let Value::Object(members) = parse(text)? else {
            return Err(Error::new(
                ErrorKind::Option,
                "the options are not a JSON object",
            ));
        };
        let mut merged = self.clone();
        for (name, value) in &members {
            match (name.as_str(), value) {
                (ENGINE, Value::Object(members)) => {
                    for (name, value) in members {
                        merged.set_member("engine.", name, value)?;
                    }
                }
                (ENGINE, _) => {
                    return Err(Error::new(
                        ErrorKind::Option,
                        "option \"engine\" takes an object with the engine's own options",
                    ));
                }
                _ => merged.set_member("", name, value)?,
            }
        }
        *self = merged;
        Ok(())
    }

    fn set_member(&mut self, scope: &str, name: &str, value: &Value) -> Result<()> {
        let full = format!("{scope}{name}");
        if let Some(row) = by_name(&full) {
            return put(row, self, value);
        }
        unsupported::set_json(&full, value).unwrap_or_else(|| {
            let names = TABLE.iter().map(|row| row.name).chain(unsupported::names());
            let hint = suggest::did_you_mean(name, scope, names);
            Err(Error::new(
                ErrorKind::Option,
                format!("unknown option \"{full}\"{hint}"),
            ))
        })
    }

    /// All options with their values, as [`set_json`](Self::set_json) takes them.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut members = Map::new();
        let mut engine = Map::new();
        for row in TABLE {
            let value = row.to_json(self);
            match row.name.strip_prefix("engine.") {
                Some(name) => engine.insert(name.to_owned(), value),
                None => members.insert(row.name.to_owned(), value),
            };
        }
        members.insert(ENGINE.to_owned(), Value::Object(engine));
        Value::Object(members).to_string()
    }
}

pub(super) fn put(row: &Row, config: &mut Config, value: &Value) -> Result<()> {
    row.kind
        .of_json(value)
        .and_then(|setting| row.put(config, setting))
        .map_err(|refusal| refusal.at(row.name))
}

/// Parses JSON; the error has the byte offset of the fault.
pub(super) fn parse(text: &str) -> Result<Value> {
    serde_json::from_str(text).map_err(|error| {
        let offset = if error.is_eof() {
            text.len()
        } else {
            let line_start: usize = text
                .split_inclusive('\n')
                .take(error.line().saturating_sub(1))
                .map(str::len)
                .sum();
            line_start + error.column().saturating_sub(1)
        };
        let full = error.to_string();
        let reason = full.split(" at line ").next().unwrap_or_default();
        Error::new(
            ErrorKind::Json,
            format!("not valid JSON at byte {offset}: {reason}"),
        )
    })
}
