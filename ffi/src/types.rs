//! The plain types of the interface: handles, views of memory, and what the library hands out.

use std::ffi::{c_char, c_int, c_void};

/// A server.
pub type bw_server = u64;
/// A namespace.
pub type bw_nsp = u64;
/// One client in one namespace.
pub type bw_socket = u64;
/// An acknowledgement that a client waits for.
pub type bw_ack = u64;
/// A question that waits for the answer of a listener.
pub type bw_deferred = u64;
/// An operation that has not ended.
pub type bw_op = u64;
/// A registered callback.
pub type bw_listener = u64;
/// A bw_server, bw_nsp or bw_socket.
pub type bw_scope = u64;
/// A file descriptor.
pub type bw_fd = c_int;

/// UTF-8 text with a length in bytes; a terminator is not needed. NULL with length 0 is the empty text.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct bw_str {
    /// The first byte.
    pub data: *const c_char,
    /// The number of bytes.
    pub len: usize,
}

/// Bytes with a length. NULL with length 0 means an empty sequence.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct bw_bytes {
    /// The first byte.
    pub data: *const u8,
    /// The number of bytes.
    pub len: usize,
}

/// Bytes that the caller owns, followed by a NUL that len does not count. Free them with bw_buf_free.
#[repr(C)]
#[derive(Debug)]
pub struct bw_buf {
    /// The first byte.
    pub data: *mut c_char,
    /// The number of bytes.
    pub len: usize,
    /// For the library's use.
    pub r#impl: *mut c_void,
}

/// A list of texts that the caller owns. Free it with bw_list_free.
#[repr(C)]
#[derive(Debug)]
pub struct bw_list {
    /// The texts, valid until the list is freed.
    pub items: *const bw_str,
    /// The number of texts.
    pub n: usize,
    /// For the library's use.
    pub r#impl: *mut c_void,
}

/// Frees the bytes of a bw_blob.
pub type bw_free_fn = Option<unsafe extern "C-unwind" fn(free_user: *mut c_void)>;

/// A binary attachment to send. If free_fn is NULL, the bytes are copied during the call. Otherwise
/// they are used in place, and free_fn(free_user) is called exactly once, on any thread, after their
/// last use, also if the call fails. It is not called if the call cannot read the blob: for a NULL
/// payload, a wrong struct_size, or more than 1048576 blobs.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct bw_blob {
    /// The first byte.
    pub data: *const c_void,
    /// The number of bytes.
    pub len: usize,
    /// The function that frees the bytes, or NULL.
    pub free_fn: bw_free_fn,
    /// The argument of free_fn.
    pub free_user: *mut c_void,
}

/// Called once when the library does not need a callback's user pointer any more.
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

// SAFETY: a view is an address and a length; code that dereferences it has to ensure that it is valid.
unsafe impl Send for bw_str {}
// SAFETY: as above.
unsafe impl Sync for bw_str {}
