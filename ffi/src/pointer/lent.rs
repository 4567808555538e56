//! Bytes that the host lends to the library.

use bytes::Bytes;

use crate::error::Result;
use crate::pointer::call::without_unwinding;
use crate::pointer::{UserPointer, array};
use crate::types::{bw_blob, bw_free_fn};

/// The bytes of a blob, freed after their last use.
struct Foreign {
    data: *const u8,
    len: usize,
    free: bw_free_fn,
    user: UserPointer,
}

// SAFETY: the header says that the bytes do not change and are freed on any thread.
unsafe impl Send for Foreign {}

impl AsRef<[u8]> for Foreign {
    fn as_ref(&self) -> &[u8] {
        if self.len == 0 {
            return &[];
        }
        // SAFETY: checked in `take_blob`; the header says that the bytes stay until they are freed.
        unsafe { std::slice::from_raw_parts(self.data, self.len) }
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        if let Some(free) = self.free {
            // SAFETY: the header says what a free function is; this is the one call.
            without_unwinding("bw_blob free_fn", || unsafe { free(self.user.0) });
        }
    }
}

/// Takes ownership of a blob. Its free function is called exactly once, also on an error.
pub(crate) fn take_blob(blob: &bw_blob, name: &str) -> Result<Bytes> {
    let mut foreign = Foreign {
        data: blob.data.cast(),
        len: 0,
        free: blob.free_fn,
        user: UserPointer(blob.free_user),
    };
    let bytes: &[u8] = array(foreign.data, blob.len, isize::MAX as usize, name)?;
    if foreign.free.is_none() {
        return Ok(Bytes::copy_from_slice(bytes));
    }
    foreign.len = bytes.len();
    Ok(Bytes::from_owner(foreign))
}
