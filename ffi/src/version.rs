//! Versions, features, and freeing memory of the library.

use std::ffi::{CStr, c_char, c_int};

use crate::panic::{entry, entry_or};
use crate::pointer::{borrow_mut, c_text};
use crate::types::{bw_buf, bw_list};

const fn parse(text: &str) -> u32 {
    let bytes = text.as_bytes();
    let (mut number, mut at) = (0, 0);
    while at < bytes.len() {
        number = number * 10 + (bytes[at] - b'0') as u32;
        at += 1;
    }
    number
}

const MAJOR: u32 = parse(env!("CARGO_PKG_VERSION_MAJOR"));
/// `BW_VERSION_NUMBER`
pub(crate) const NUMBER: u32 = MAJOR << 16
    | parse(env!("CARGO_PKG_VERSION_MINOR")) << 8
    | parse(env!("CARGO_PKG_VERSION_PATCH"));
/// `BW_ABI_VERSION`, the number in the library's name.
pub(crate) const ABI: u32 = 0;

const TEXT: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");

/// [signal] Returns the version of the loaded library: "0.1.0". Never NULL; static.
#[unsafe(no_mangle)]
pub extern "C" fn bw_version() -> *const c_char {
    TEXT.as_ptr().cast()
}

/// [signal] Returns the version of the loaded library as a number; compare it with
/// BW_VERSION_NUMBER.
#[unsafe(no_mangle)]
pub extern "C" fn bw_version_number() -> u32 {
    NUMBER
}

/// [signal] Returns the ABI number of the loaded library, which must equal BW_ABI_VERSION.
#[unsafe(no_mangle)]
pub extern "C" fn bw_abi_version() -> u32 {
    ABI
}

/// The features of this build.
const FEATURES: [&CStr; 2] = [c"unix", c"websocket"];

/// [any] Returns 1 if this build has the feature, "unix" or "websocket", and 0 for any other name.
/// name ends with a NUL.
#[unsafe(no_mangle)]
pub extern "C" fn bw_has_feature(name: *const c_char) -> c_int {
    entry_or(0, || {
        let name = c_text(name, "name")?;
        let is_it = |feature: &&CStr| feature.to_bytes() == name.as_bytes();
        Ok(FEATURES.iter().any(is_it).into())
    })
}

/// [one] Frees the memory of a bw_buf and empties the variable. Does nothing for NULL or an empty
/// bw_buf.
#[unsafe(no_mangle)]
pub extern "C" fn bw_buf_free(buf: *mut bw_buf) {
    entry(|| {
        if !buf.is_null() {
            borrow_mut(buf, "buf")?.free();
        }
        Ok(())
    });
}

/// [one] Frees the memory of a bw_list and empties the variable. Does nothing for NULL or an empty
/// bw_list.
#[unsafe(no_mangle)]
pub extern "C" fn bw_list_free(list: *mut bw_list) {
    entry(|| {
        if !list.is_null() {
            borrow_mut(list, "list")?.free();
        }
        Ok(())
    });
}
