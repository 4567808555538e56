//! The code that dereferences pointers of the host.
//!
//! The functions here are safe for the rest of the crate. They rely on the contract in the header,
//! which says what each pointer must point to and for how long, and check what can be checked: NULL,
//! alignment, and lengths that no object can have.

mod call;
mod lent;
mod owned;
#[cfg(test)]
mod tests;

use std::ffi::{CStr, c_char, c_void};
use std::sync::Arc;

use bellwire_core::error::{Error, ErrorKind};

pub(crate) use crate::pointer::call::{call, call_drop, call_log};
pub(crate) use crate::pointer::lent::take_blob;
pub(crate) use crate::pointer::owned::Strings;

use crate::error::Result;
use crate::types::{bw_bytes, bw_str};

/// A user pointer of the host, which is passed to callbacks on any thread.
#[derive(Debug, Clone, Copy)]
pub(crate) struct UserPointer(pub(crate) *mut c_void);

// SAFETY: the header says that user pointers are handed to callbacks on other threads.
unsafe impl Send for UserPointer {}
// SAFETY: as above.
unsafe impl Sync for UserPointer {}

pub(crate) fn null_error(name: &str) -> Error {
    Error::new(ErrorKind::Argument, format!("{name} is NULL"))
}

fn check<T>(pointer: *const T, name: &str) -> Result<()> {
    if pointer.is_null() {
        return Err(null_error(name));
    }
    if !pointer.is_aligned() {
        let text = format!("{name} is not aligned");
        return Err(Error::new(ErrorKind::Argument, text));
    }
    Ok(())
}

/// The object that an argument points to.
pub(crate) fn borrow<'a, T>(pointer: *const T, name: &str) -> Result<&'a T> {
    check(pointer, name)?;
    // SAFETY: not NULL, aligned, and the header says that it points to a live object that
    // does not change during the call.
    Ok(unsafe { &*pointer })
}

/// The object that an argument points to, to be changed.
pub(crate) fn borrow_mut<'a, T>(pointer: *mut T, name: &str) -> Result<&'a mut T> {
    check(pointer, name)?;
    // SAFETY: not NULL, aligned, and the header says that it points to a live object that
    // no other thread uses during the call.
    Ok(unsafe { &mut *pointer })
}

/// The variable of the caller for a result. It has the value `nothing` until it is set.
pub(crate) struct Out<T>(*mut T);

impl<T> Out<T> {
    pub(crate) fn new(pointer: *mut T, name: &str, nothing: T) -> Result<Self> {
        check(pointer, name)?;
        let out = Self(pointer);
        out.set(nothing);
        Ok(out)
    }

    /// Like [`Out::new`], but NULL is allowed.
    pub(crate) fn optional(pointer: *mut T, name: &str, nothing: T) -> Result<Self> {
        if pointer.is_null() {
            return Ok(Self(pointer));
        }
        Self::new(pointer, name, nothing)
    }

    pub(crate) fn set(&self, value: T) {
        if !self.0.is_null() {
            // SAFETY: aligned, and the header says that it points to memory for a `T` that is the
            // caller's; no type that is handed out needs dropping.
            unsafe { self.0.write(value) }
        }
    }
}

/// Sets the variable for a result to `nothing` before anything can fail.
pub(crate) fn clear<T>(pointer: *mut T, nothing: T) {
    if !pointer.is_null() && pointer.is_aligned() {
        // SAFETY: as in `Out::set`.
        unsafe { pointer.write(nothing) }
    }
}

/// An array of the caller.
pub(crate) fn array<'a, T>(data: *const T, n: usize, most: usize, name: &str) -> Result<&'a [T]> {
    if n > most {
        let text = format!("{name} has {n} items; the limit is {most}");
        return Err(Error::new(ErrorKind::TooBig, text));
    }
    if n == 0 {
        return Ok(&[]);
    }
    check(data, name)?;
    // SAFETY: not NULL, aligned, short enough for an object, and the header says that it points
    // to this many items that do not change during the call.
    Ok(unsafe { std::slice::from_raw_parts(data, n) })
}

impl bw_str {
    /// The bytes, which need not be UTF-8.
    pub(crate) fn bytes<'a>(self, name: &str) -> Result<&'a [u8]> {
        array(self.data.cast(), self.len, isize::MAX as usize, name)
    }

    /// The text, which must be UTF-8.
    pub(crate) fn text<'a>(self, name: &str) -> Result<&'a str> {
        std::str::from_utf8(self.bytes(name)?).map_err(|error| {
            let text = format!("{name} is not UTF-8 at byte {}", error.valid_up_to());
            Error::new(ErrorKind::Utf8, text)
        })
    }
}

impl bw_bytes {
    pub(crate) fn slice<'a>(self, name: &str) -> Result<&'a [u8]> {
        array(self.data, self.len, isize::MAX as usize, name)
    }
}

/// A text that ends with a NUL.
pub(crate) fn c_text<'a>(text: *const c_char, name: &str) -> Result<&'a str> {
    check(text, name)?;
    // SAFETY: not NULL, and the header says that it ends with a NUL.
    let text = unsafe { CStr::from_ptr(text) };
    text.to_str().map_err(|error| {
        let text = format!("{name} is not UTF-8 at byte {}", error.valid_up_to());
        Error::new(ErrorKind::Utf8, text)
    })
}

/// Copies a struct that begins with its size: the fields that the caller's header has, and zeros for
/// the others. The struct may be longer than this library's if its additional fields are zero.
#[inline]
pub(crate) fn sized<T: Copy + Zeroed>(pointer: *const T, name: &str) -> Result<T> {
    check(pointer, name)?;
    // SAFETY: the header says that the struct begins with its size, a `uint32_t`.
    let size = unsafe { pointer.cast::<u32>().read() } as usize;
    if size == size_of::<T>() {
        // SAFETY: the caller says that it is this struct, and `Zeroed` types may hold any bytes.
        return Ok(unsafe { pointer.read() });
    }
    sized_otherwise(pointer, size, name)
}

/// A struct that an older or a newer header describes.
#[inline(never)]
fn sized_otherwise<T: Copy + Zeroed>(pointer: *const T, size: usize, name: &str) -> Result<T> {
    if size < 8 {
        let text = format!("{name}->struct_size is {size}: initialise it with sizeof");
        return Err(Error::new(ErrorKind::Abi, text));
    }
    if size > 4096 {
        let text = format!("{name}->struct_size is {size}: no such struct is that large");
        return Err(Error::new(ErrorKind::Abi, text));
    }
    let mut copy = T::ZERO;
    let known = size.min(size_of::<T>());
    // SAFETY: the caller says how long the struct is; we read no more of it, and every type that
    // is `Zeroed` may hold any bytes.
    unsafe {
        std::ptr::copy_nonoverlapping(pointer.cast::<u8>(), (&raw mut copy).cast::<u8>(), known);
    }
    // SAFETY: as above.
    let unknown = unsafe {
        std::slice::from_raw_parts(pointer.cast::<u8>().wrapping_add(known), size - known)
    };
    if unknown.iter().any(|byte| *byte != 0) {
        let text = format!("{name} has fields that this library does not know");
        return Err(Error::new(ErrorKind::Abi, text));
    }
    Ok(copy)
}

/// Plain data of the interface that may be copied byte by byte, with its value of all zeros.
///
/// # Safety
/// Every pattern of bytes that a C program can put there is a valid value.
pub(crate) unsafe trait Zeroed {
    const ZERO: Self;
}

/// Writes a result whose size the caller's header knows: a prefix of it, or it and zeros.
pub(crate) fn write_sized<T: Copy>(out: *mut T, size: usize, value: &T, name: &str) -> Result<()> {
    check(out, name)?;
    if size == 0 || size > 65_536 {
        let text = format!("the size of {name} is {size}: pass sizeof");
        return Err(Error::new(ErrorKind::Abi, text));
    }
    let known = size.min(size_of::<T>());
    // SAFETY: the caller says how much memory there is; we write exactly that much.
    unsafe {
        std::ptr::copy_nonoverlapping((&raw const *value).cast::<u8>(), out.cast::<u8>(), known);
        out.cast::<u8>().add(known).write_bytes(0, size - known);
    }
    Ok(())
}

/// Takes the object that the caller's variable points to, and sets the variable to NULL.
pub(crate) fn take_box<T>(variable: *mut *mut T) -> Option<Box<T>> {
    let object = take(variable)?;
    // SAFETY: the variable holds what `Box::into_raw` gave, once: the variable is NULL now.
    (!object.is_null()).then(|| unsafe { Box::from_raw(object) })
}

/// Like [`take_box`], for a counted object.
pub(crate) fn take_arc<T>(variable: *mut *const T) -> Option<*const T> {
    take(variable).filter(|object| !object.is_null())
}

fn take<P: Copy + Null>(variable: *mut P) -> Option<P> {
    if variable.is_null() || !variable.is_aligned() {
        return None;
    }
    // SAFETY: not NULL, aligned, and the header says that it is the address of a variable.
    Some(unsafe { variable.replace(P::NULL) })
}

/// A pointer that can be NULL.
trait Null {
    const NULL: Self;
}
impl<T> Null for *mut T {
    const NULL: Self = std::ptr::null_mut();
}
impl<T> Null for *const T {
    const NULL: Self = std::ptr::null();
}

/// Adds an owner to a counted object.
pub(crate) fn retain_raw<T>(object: *const T) {
    // SAFETY: the pointer came from `Arc::into_raw`, and the caller owns a count.
    unsafe { Arc::increment_strong_count(object) }
}

/// Removes an owner from a counted object.
pub(crate) fn release_raw<T>(object: *const T) {
    // SAFETY: the pointer came from `Arc::into_raw`, and the caller gives its count away.
    drop(unsafe { Arc::from_raw(object) });
}

/// Allocates an object for the caller.
pub(crate) fn into_raw<T>(object: T) -> *mut T {
    Box::into_raw(Box::new(object))
}
