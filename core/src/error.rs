//! Errors of calls to the engine: invalid calls, and failures of the operating system.
//!
//! Errors of a peer are not reported here; they close that peer's session. The numbers of [`ErrorKind`] are the
//! statuses of the C interface. They never change, and are never reused for another meaning.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::sync::Arc;

/// The result of a call to the engine.
pub type Result<T> = std::result::Result<T, Error>;

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $text:literal;)*) => {
        /// The kind of an error, as a number that never changes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        #[repr(i32)]
        pub enum ErrorKind {
            $($(#[$doc])* $name = $code,)*
        }

        impl ErrorKind {
            /// All kinds, in the order of their numbers.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// A short text without details: "the object is gone".
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// The name in the Rust interface: "Gone".
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                }
            }
        }
    };
}

// The numbers that are missing from -36 to -42 are reserved for TLS and adapters, which this version does not have.
kinds! {
    /// An invalid argument.
    Argument = -1, "invalid argument";
    /// A handle that was never created, or a handle of another kind.
    Handle = -2, "no such handle, or a handle of another kind";
    /// Not possible in this state, for example listening after close.
    State = -3, "not possible in this state";
    /// A polling function was called inside a callback.
    Reentrant = -4, "not possible inside a callback";
    /// A waiting function was called where waiting would never end.
    Deadlock = -5, "waiting here would never end";
    /// Another thread is inside this function.
    Busy = -6, "another thread is inside this function";
    /// An acknowledgement or a question was answered before.
    Already = -7, "answered before";
    /// The header and the library have incompatible versions.
    Abi = -8, "header and library do not fit together";
    /// An unknown option, or a value of the wrong type or out of range.
    Option = -9, "unknown option or bad value";
    /// Text that is not UTF-8.
    Utf8 = -10, "not UTF-8";
    /// Text that is not JSON, or JSON of another type than required.
    Json = -11, "not valid JSON";
    /// A reserved event name or an illegal namespace name.
    Name = -12, "reserved event name or illegal namespace name";
    /// The placeholders in the JSON do not match the attachments.
    Placeholder = -13, "placeholders and attachments do not fit together";
    /// Larger than a limit allows.
    TooBig = -14, "larger than the limit";
    /// Nothing has this name.
    NotFound = -15, "not found";
    /// The value exists but has another type.
    Type = -16, "the value has another type";
    /// The object existed but no longer does, for example because the client disconnected. Expected at run time.
    Gone = -30, "the object is gone";
    /// The timeout passed.
    Timeout = -31, "the time ran out";
    /// The operation was cancelled.
    Cancelled = -32, "cancelled";
    /// The server, or the process, is closing.
    Closed = -33, "the server is closing or closed";
    /// The handle belongs to the parent process.
    Forked = -34, "the handle belongs to the parent process";
    /// A configured limit would be exceeded; nothing was queued.
    Full = -35, "over a configured limit";
    /// Not in this version, or not on this platform.
    Unsupported = -36, "not in this version or on this platform";
    /// The operating system reported an error.
    Io = -38, "the operating system refused";
    /// Another socket listens on this address.
    AddressInUse = -39, "the address is in use";
    /// The operating system does not permit it.
    Access = -40, "permission denied";
    /// A bug of the engine.
    Internal = -90, "a mistake of the engine";
    /// A panic, caught at the boundary of the engine.
    Panic = -91, "the engine panicked";
}

impl ErrorKind {
    /// The status of the C interface.
    #[must_use]
    pub const fn code(self) -> i32 {
        self as i32
    }

    /// The kind with this status.
    #[must_use]
    pub fn from_code(code: i32) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.code() == code)
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

/// The error of a failed call: its kind, a message, and its source if there is one.
///
/// `Display` prints the message only; the cause is [`source`](StdError::source).
#[derive(Clone, Debug)]
pub struct Error {
    kind: ErrorKind,
    message: Cow<'static, str>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error with a message.
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            message: message.into(),
            source: None,
        }
    }

    /// Adds the source of the error.
    #[must_use]
    pub fn caused_by(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.source = Some(Arc::new(source));
        self
    }

    /// The kind of the error.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The status of the C interface.
    #[must_use]
    pub const fn code(&self) -> i32 {
        self.kind.code()
    }

    /// The message, as `Display` prints it.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source
            .as_ref()
            .map(|source| source.as_ref() as &(dyn StdError + 'static))
    }
}

impl From<ErrorKind> for Error {
    fn from(kind: ErrorKind) -> Self {
        Self::new(kind, kind.text())
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        let kind = match error.kind() {
            io::ErrorKind::AddrInUse => ErrorKind::AddressInUse,
            io::ErrorKind::PermissionDenied => ErrorKind::Access,
            _ => ErrorKind::Io,
        };
        Self::from(kind).caused_by(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_c_interface() {
        let expected = [
            ("Argument", -1),
            ("Handle", -2),
            ("State", -3),
            ("Reentrant", -4),
            ("Deadlock", -5),
            ("Busy", -6),
            ("Already", -7),
            ("Abi", -8),
            ("Option", -9),
            ("Utf8", -10),
            ("Json", -11),
            ("Name", -12),
            ("Placeholder", -13),
            ("TooBig", -14),
            ("NotFound", -15),
            ("Type", -16),
            ("Gone", -30),
            ("Timeout", -31),
            ("Cancelled", -32),
            ("Closed", -33),
            ("Forked", -34),
            ("Full", -35),
            ("Unsupported", -36),
            ("Io", -38),
            ("AddressInUse", -39),
            ("Access", -40),
            ("Internal", -90),
            ("Panic", -91),
        ];
        let actual: Vec<_> = ErrorKind::ALL
            .iter()
            .map(|kind| (kind.name(), kind.code()))
            .collect();
        assert_eq!(actual, expected);
        for kind in ErrorKind::ALL {
            assert_eq!(ErrorKind::from_code(kind.code()), Some(*kind));
            assert!(!kind.text().is_empty());
        }
        assert_eq!(ErrorKind::from_code(0), None);
    }

    #[test]
    fn display_prints_its_own_level_only() {
        let error = Error::new(ErrorKind::Io, "cannot listen on 127.0.0.1:80")
            .caused_by(io::Error::other("the cause"));
        assert_eq!(error.to_string(), "cannot listen on 127.0.0.1:80");
        assert_eq!(
            error.source().map(ToString::to_string).as_deref(),
            Some("the cause")
        );
        assert_eq!(error.clone().to_string(), error.to_string());
        assert_eq!(
            Error::from(ErrorKind::Gone).to_string(),
            "the object is gone"
        );
    }

    #[test]
    fn io_errors_keep_their_meaning() {
        for (io, kind) in [
            (io::ErrorKind::AddrInUse, ErrorKind::AddressInUse),
            (io::ErrorKind::PermissionDenied, ErrorKind::Access),
            (io::ErrorKind::NotFound, ErrorKind::Io),
        ] {
            let error = Error::from(io::Error::from(io));
            assert_eq!(error.kind(), kind);
            assert!(error.source().is_some());
        }
    }
}
