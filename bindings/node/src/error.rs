//! Errors as JavaScript sees them: an `Error` with a `code`.

use bellwire_core::error::{Error, ErrorKind};

/// The `code` of an error: Node's own where it has one.
pub(crate) fn code(error: &Error) -> String {
    match error.kind() {
        ErrorKind::AddressInUse => "EADDRINUSE".to_owned(),
        ErrorKind::Access => "EACCES".to_owned(),
        kind => {
            let mut code = "ERR_BELLWIRE".to_owned();
            for letter in kind.name().chars() {
                if letter.is_uppercase() {
                    code.push('_');
                }
                code.push(letter.to_ascii_uppercase());
            }
            code
        }
    }
}

/// The message, with what the operating system said.
pub(crate) fn message(error: &Error) -> String {
    use std::error::Error as _;
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

/// A call that the JavaScript half should not have made.
pub(crate) fn misuse(what: &'static str) -> Error {
    Error::new(ErrorKind::Argument, what)
}
