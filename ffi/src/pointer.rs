//! Every place where a pointer of the C program is followed.
//!
//! The functions here are safe to call as far as the crate is concerned: what makes them sound is
//! the contract in the header, which says what each pointer must point to and for how long.
//! Whatever can be checked is checked: NULL, alignment, and lengths that no object can have.

use std::ffi::{CStr, c_char, c_void};
use std::sync::Arc;

use bellwire_core::error::{Error, ErrorKind};
use bytes::Bytes;

use crate::error::Result;
use crate::event::{bw_callback_fn, bw_event};
use crate::types::{bw_blob, bw_buf, bw_bytes, bw_drop_fn, bw_free_fn, bw_list, bw_str};

/// A pointer of the host, or one that is handed to it: it may be used on any thread.
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

/// What an argument points to.
pub(crate) fn borrow<'a, T>(pointer: *const T, name: &str) -> Result<&'a T> {
    check(pointer, name)?;
    // SAFETY: not NULL, aligned, and the header says that it points to a live object that nobody
    // changes during the call.
    Ok(unsafe { &*pointer })
}

/// What an argument points to, to be changed.
pub(crate) fn borrow_mut<'a, T>(pointer: *mut T, name: &str) -> Result<&'a mut T> {
    check(pointer, name)?;
    // SAFETY: not NULL, aligned, and the header says that it points to a live object that nobody
    // else touches during the call.
    Ok(unsafe { &mut *pointer })
}

/// Where a result goes. It holds `nothing` until it is set.
pub(crate) struct Out<T>(*mut T);

impl<T> Out<T> {
    pub(crate) fn new(pointer: *mut T, name: &str, nothing: T) -> Result<Self> {
        check(pointer, name)?;
        let out = Self(pointer);
        out.set(nothing);
        Ok(out)
    }

    /// The same for a result that the caller may not want.
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

/// Sets a result to nothing before anything can fail.
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
    // to this many items that nobody changes during the call.
    Ok(unsafe { std::slice::from_raw_parts(data, n) })
}

impl bw_str {
    /// The bytes, whatever they are.
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

/// Copies a struct that begins with its size: what the caller's header knows of it, and zeros for
/// the rest. A longer one is fine as long as what this library does not know of it is zero.
pub(crate) fn sized<T: Copy + Zeroed>(pointer: *const T, name: &str) -> Result<T> {
    check(pointer, name)?;
    // SAFETY: the header says that the struct begins with its size, a `uint32_t`.
    let size = unsafe { pointer.cast::<u32>().read() } as usize;
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

/// Makes the object that the caller's variable points to ours, and sets the variable to NULL.
pub(crate) fn take_box<T>(variable: *mut *mut T) -> Option<Box<T>> {
    let object = take(variable)?;
    // SAFETY: the variable holds what `Box::into_raw` gave, once: it is NULL from now on.
    (!object.is_null()).then(|| unsafe { Box::from_raw(object) })
}

/// The same for a counted object.
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

/// One more owner of the counted object behind a pointer that was handed out.
pub(crate) fn retain_raw<T>(object: *const T) {
    // SAFETY: the pointer came from `Arc::into_raw`, and the caller owns a count.
    unsafe { Arc::increment_strong_count(object) }
}

/// One owner less.
pub(crate) fn release_raw<T>(object: *const T) {
    // SAFETY: the pointer came from `Arc::into_raw`, and the caller gives its count away.
    drop(unsafe { Arc::from_raw(object) });
}

/// An object whose address the caller keeps.
pub(crate) fn into_raw<T>(object: T) -> *mut T {
    Box::into_raw(Box::new(object))
}

// ---- calling the host

/// Ends the process with words when a callback lets an exception through.
struct NoUnwinding(&'static str);

impl Drop for NoUnwinding {
    fn drop(&mut self) {
        use std::io::Write as _;
        // Nobody is left to be told when even this fails.
        let _ = writeln!(
            std::io::stderr(),
            "bellwire: a {} threw an exception; callbacks must not",
            self.0
        );
        std::process::abort();
    }
}

fn without_unwinding(what: &'static str, call: impl FnOnce()) {
    let guard = NoUnwinding(what);
    call();
    #[expect(clippy::mem_forget, reason = "the guard only acts when it is dropped")]
    std::mem::forget(guard);
}

/// Calls an event callback.
pub(crate) fn call(callback: bw_callback_fn, event: &bw_event, user: UserPointer) {
    // SAFETY: the header says what a callback is; the event is valid until it returns.
    without_unwinding("bw_callback", || unsafe { callback(event, user.0) });
}

/// Calls a drop function.
pub(crate) fn call_drop(drop: bw_drop_fn, user: UserPointer) {
    if let Some(drop) = drop {
        // SAFETY: the header says what a drop function is; each is called once.
        without_unwinding("bw_drop_fn", || unsafe { drop(user.0) });
    }
}

/// Calls a log callback.
pub(crate) fn call_log(
    callback: unsafe extern "C-unwind" fn(*const crate::log::bw_log_record, *mut c_void),
    record: &crate::log::bw_log_record,
    user: UserPointer,
) {
    // SAFETY: the header says what a log callback is; the record is valid until it returns.
    without_unwinding("bw_log_fn", || unsafe { callback(record, user.0) });
}

// ---- bytes that the host owns

/// The bytes of a blob, freed when nobody needs them any more.
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

/// Takes a blob over. From here on its free function runs exactly once, whatever happens.
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

// ---- memory that the library hands out

impl bw_buf {
    pub(crate) const EMPTY: Self = Self {
        data: std::ptr::null_mut(),
        len: 0,
        r#impl: std::ptr::null_mut(),
    };

    pub(crate) fn new(text: impl Into<Vec<u8>>) -> Self {
        let mut bytes = text.into();
        let len = bytes.len();
        bytes.push(0);
        let owner = into_raw(bytes);
        // SAFETY: it was made just now.
        let data = unsafe { (*owner).as_mut_ptr() }.cast();
        Self {
            data,
            len,
            r#impl: owner.cast(),
        }
    }

    pub(crate) fn free(&mut self) {
        let owner: *mut Vec<u8> = std::mem::replace(self, Self::EMPTY).r#impl.cast();
        if !owner.is_null() {
            // SAFETY: it came from `new`, and the caller's variable has forgotten it.
            drop(unsafe { Box::from_raw(owner) });
        }
    }
}

/// What stands behind a `bw_list`: the texts, and the views of them.
pub(crate) struct Strings {
    pub(crate) texts: Vec<Arc<str>>,
    pub(crate) views: Vec<bw_str>,
}

impl Strings {
    pub(crate) fn new(texts: Vec<Arc<str>>) -> Self {
        let views = texts.iter().map(|text| bw_str::view(text)).collect();
        Self { texts, views }
    }
}

impl bw_list {
    pub(crate) const EMPTY: Self = Self {
        items: std::ptr::null(),
        n: 0,
        r#impl: std::ptr::null_mut(),
    };

    pub(crate) fn new(texts: Vec<Arc<str>>) -> Self {
        let strings = Strings::new(texts);
        let (items, n) = (strings.views.as_ptr(), strings.texts.len());
        Self {
            items,
            n,
            r#impl: into_raw(strings).cast(),
        }
    }

    pub(crate) fn free(&mut self) {
        let owner: *mut Strings = std::mem::replace(self, Self::EMPTY).r#impl.cast();
        if !owner.is_null() {
            // SAFETY: it came from `new`, and the caller's variable has forgotten it.
            drop(unsafe { Box::from_raw(owner) });
        }
    }
}
