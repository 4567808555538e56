//! The plain types of the interface: handles, views of memory, and what the library hands out.

use std::ffi::{c_char, c_int, c_void};

/// A server.
pub type bw_server = u64;
/// A namespace.
pub type bw_nsp = u64;
/// One client in one namespace.
pub type bw_socket = u64;
/// An answer that a client waits for.
pub type bw_ack = u64;
/// A question that the engine waits for.
pub type bw_deferred = u64;
/// An operation under way.
pub type bw_op = u64;
/// A registered callback.
pub type bw_listener = u64;
/// A bw_server, bw_nsp or bw_socket.
pub type bw_scope = u64;
/// A file descriptor.
pub type bw_fd = c_int;

/// UTF-8 text with a length; no terminator is needed. NULL with length 0 is the empty text.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct bw_str {
    /// The first byte.
    pub data: *const c_char,
    /// How many bytes.
    pub len: usize,
}

/// Bytes with a length. NULL with length 0 is no bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct bw_bytes {
    /// The first byte.
    pub data: *const u8,
    /// How many bytes.
    pub len: usize,
}

/// Owned bytes, with a NUL after len for convenience. Given back with bw_buf_free.
#[repr(C)]
#[derive(Debug)]
pub struct bw_buf {
    /// The first byte.
    pub data: *mut c_char,
    /// How many bytes.
    pub len: usize,
    /// The library's.
    pub r#impl: *mut c_void,
}

/// An owned list of texts. Given back with bw_list_free.
#[repr(C)]
#[derive(Debug)]
pub struct bw_list {
    /// The texts, valid until the list is freed.
    pub items: *const bw_str,
    /// How many texts.
    pub n: usize,
    /// The library's.
    pub r#impl: *mut c_void,
}

/// Frees the bytes of a bw_blob.
pub type bw_free_fn = Option<unsafe extern "C-unwind" fn(free_user: *mut c_void)>;

/// A binary attachment to send. free_fn NULL: it is copied during the call. Otherwise the bytes
/// are used in place and free_fn(free_user) runs exactly once, on any thread, when they are no
/// longer needed, also when the call fails. (It cannot run when the call could not even read the
/// blob: a NULL or misdeclared payload, or more blobs than there can be.)
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct bw_blob {
    /// The first byte.
    pub data: *const c_void,
    /// How many bytes.
    pub len: usize,
    /// NULL, or what frees the bytes.
    pub free_fn: bw_free_fn,
    /// What free_fn is given.
    pub free_user: *mut c_void,
}

/// Told once that a callback's user pointer is not needed any more.
pub type bw_drop_fn = Option<unsafe extern "C-unwind" fn(user: *mut c_void)>;

impl bw_str {
    pub(crate) const EMPTY: Self = Self {
        data: std::ptr::null(),
        len: 0,
    };

    pub(crate) const fn view(text: &str) -> Self {
        Self::view_bytes(text.as_bytes())
    }

    pub(crate) const fn view_bytes(text: &[u8]) -> Self {
        Self {
            data: text.as_ptr().cast(),
            len: text.len(),
        }
    }
}

impl bw_bytes {
    pub(crate) const fn view(bytes: &[u8]) -> Self {
        Self {
            data: bytes.as_ptr(),
            len: bytes.len(),
        }
    }
}

// SAFETY: a view is a number of an address; who follows it answers for it.
unsafe impl Send for bw_str {}
// SAFETY: as above.
unsafe impl Sync for bw_str {}
