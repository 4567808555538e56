//! Conversion of errors to JavaScript: an `Error` with a `code`.

use bellwire_core::error::{Error, ErrorKind};

/// The `code` of an error: Node's code if there is one, such as `EADDRINUSE`, otherwise `ERR_BELLWIRE_` and the kind.
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

/// The message, followed by the cause, such as the error of the operating system.
pub(crate) fn message(error: &Error) -> String {
    use std::error::Error as _;
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

/// The error for a call with invalid arguments.
pub(crate) fn misuse(what: &'static str) -> Error {
    Error::new(ErrorKind::Argument, what)
}
