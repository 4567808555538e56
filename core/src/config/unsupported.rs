//! Options of Socket.IO that this version does not have. Their names are known, so that an options object that turns
//! them off is accepted, and one that needs them is refused with the option's name.

use serde_json::Value;

use crate::error::{Error, ErrorKind, Result};

struct Missing {
    /// The number of the option, or 0 if it can be set only by JSON.
    number: u32,
    name: &'static str,
    /// A value that is accepted besides "off", because it asks for what the engine does anyway.
    harmless: &'static str,
}

const fn missing(number: u32, name: &'static str, harmless: &'static str) -> Missing {
    Missing {
        number,
        name,
        harmless,
    }
}

const TABLE: &[Missing] = &[
    missing(3, "serveClient", ""),
    missing(4, "engine.clientDir", ""),
    missing(12, "allowEIO3", ""),
    // A listener of the engine serves only the engine, so upgrade requests for other paths are always refused.
    missing(13, "destroyUpgrade", "true"),
    missing(14, "destroyUpgradeTimeout", ""),
    missing(16, "parser", "json"),
    missing(17, "httpCompression", ""),
    missing(18, "httpCompression.threshold", ""),
    missing(19, "perMessageDeflate", ""),
    missing(20, "perMessageDeflate.threshold", ""),
    missing(21, "perMessageDeflate.level", ""),
    missing(22, "perMessageDeflate.serverNoContextTakeover", ""),
    missing(23, "perMessageDeflate.clientNoContextTakeover", ""),
    missing(24, "perMessageDeflate.serverMaxWindowBits", ""),
    missing(27, "connectionStateRecovery", ""),
    missing(28, "connectionStateRecovery.skipMiddlewares", ""),
    missing(29, "cleanupEmptyChildNamespaces", ""),
    missing(40, "adapter", "memory"),
    missing(41, "engine.adapterUrl", ""),
    missing(42, "engine.adapterKey", ""),
    missing(43, "engine.adapterTimeout", ""),
    missing(44, "engine.adapterSharded", ""),
    missing(60, "engine.tlsCert", ""),
    missing(61, "engine.tlsKey", ""),
    missing(62, "engine.tlsClientCa", ""),
    missing(63, "engine.tlsMinVersion", ""),
    missing(0, "allowRequest", ""),
    missing(0, "wsEngine", ""),
];

impl Missing {
    fn refuse(&self) -> Error {
        Error::new(
            ErrorKind::Unsupported,
            format!("option \"{}\" is not in this version", self.name),
        )
    }

    fn set(&self, is_off: bool) -> Result<()> {
        if is_off { Ok(()) } else { Err(self.refuse()) }
    }
}

fn by_number(number: u32) -> Result<&'static Missing> {
    TABLE
        .iter()
        .find(|missing| number != 0 && missing.number == number)
        .ok_or_else(|| {
            Error::new(
                ErrorKind::Option,
                format!("no option has the number {number}"),
            )
        })
}

pub(super) fn set_int(number: u32, value: i64) -> Result<()> {
    let missing = by_number(number)?;
    missing.set(value == 0 || (value == 1 && missing.harmless == "true"))
}

pub(super) fn set_str(number: u32, value: &str) -> Result<()> {
    let missing = by_number(number)?;
    missing.set(["", "false", "null", missing.harmless].contains(&value))
}

/// The result for a name of this table; `None` for any other name.
pub(super) fn set_json(name: &str, value: &Value) -> Option<Result<()>> {
    let missing = TABLE.iter().find(|missing| missing.name == name)?;
    let is_off = match value {
        Value::Null => true,
        Value::Bool(flag) => !flag || missing.harmless == "true",
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty() || text == missing.harmless,
        Value::Array(_) | Value::Object(_) => false,
    };
    Some(missing.set(is_off))
}

pub(super) fn names() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(|missing| missing.name)
}
