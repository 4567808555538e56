//! Arguments in, results out. The only file besides `call.rs` that talks to Node-API by hand.
#![expect(
    unsafe_code,
    reason = "every function here is one call of Node-API; a `Call` exists only inside a call of its environment, and \
              the values it has or makes are valid until then"
)]

use std::ffi::c_void;
use std::ops::Range;
use std::ptr;

use bellwire_core::error::Error;
use bytes::Bytes;
use napi::sys::{self, napi_value};

use crate::call::Call;
use crate::error::misuse;

/// A received attachment up to this size is copied into the memory that all small ones of a drain share; a larger one
/// is given away without a copy.
const SMALL: usize = 2048;

/// What a string may need at least, so that most are read in one go.
const ROOM: usize = 4096;

impl Call<'_> {
    pub(crate) fn undefined(&self) -> napi_value {
        let mut value = ptr::null_mut();
        // SAFETY: see the file's reason.
        unsafe { sys::napi_get_undefined(self.env, &raw mut value) };
        value
    }

    /// A count, a handle, an index.
    pub(crate) fn number(&self, at: usize) -> Result<u32, Error> {
        let mut number = 0;
        // SAFETY: see the file's reason.
        let status =
            unsafe { sys::napi_get_value_uint32(self.env, self.argument(at), &raw mut number) };
        checked(status, number, "a number is needed")
    }

    pub(crate) fn flag(&self, at: usize) -> Result<bool, Error> {
        let mut flag = false;
        // SAFETY: see the file's reason.
        let status =
            unsafe { sys::napi_get_value_bool(self.env, self.argument(at), &raw mut flag) };
        checked(status, flag, "a boolean is needed")
    }

    /// Appends a string to `out`; where it is.
    pub(crate) fn text(&self, at: usize, out: &mut Vec<u8>) -> Result<Range<usize>, Error> {
        self.read_text(self.argument(at), out)
    }

    pub(crate) fn read_text(
        &self,
        value: napi_value,
        out: &mut Vec<u8>,
    ) -> Result<Range<usize>, Error> {
        let start = out.len();
        out.reserve(ROOM);
        loop {
            let room = out.capacity() - start;
            let mut written = 0;
            // SAFETY: as above; `room` bytes may be written behind the vector's end, the last of them a zero.
            let status = unsafe {
                let end = out.as_mut_ptr().add(start).cast();
                sys::napi_get_value_string_utf8(self.env, value, end, room, &raw mut written)
            };
            checked(status, (), "a string is needed")?;
            // A character has at most four bytes: with fewer left, it may have been cut.
            if written + 4 < room {
                // SAFETY: that many bytes were just written.
                unsafe { out.set_len(start + written) };
                return Ok(start..start + written);
            }
            let mut whole = 0;
            // SAFETY: without a buffer it only measures.
            unsafe {
                let none = ptr::null_mut();
                sys::napi_get_value_string_utf8(self.env, value, none, 0, &raw mut whole)
            };
            out.reserve(whole + 8);
        }
    }

    /// A string as it is, in UTF-16.
    pub(crate) fn units(&self, value: napi_value) -> Result<Vec<u16>, Error> {
        let mut length = 0;
        // SAFETY: see the file's reason; without a buffer it only measures.
        let status = unsafe {
            let none = ptr::null_mut();
            sys::napi_get_value_string_utf16(self.env, value, none, 0, &raw mut length)
        };
        checked(status, (), "a string is needed")?;
        // The last one is a zero.
        let mut units = vec![0; length + 1];
        let mut written = 0;
        // SAFETY: see the file's reason; the vector has so much room.
        let status = unsafe {
            let start = units.as_mut_ptr();
            sys::napi_get_value_string_utf16(self.env, value, start, units.len(), &raw mut written)
        };
        units.truncate(written);
        checked(status, units, "a string is needed")
    }

    pub(crate) fn string(&self, at: usize) -> Result<String, Error> {
        self.read_string(self.argument(at))
    }

    fn read_string(&self, value: napi_value) -> Result<String, Error> {
        let mut text = Vec::new();
        self.read_text(value, &mut text)?;
        String::from_utf8(text).map_err(|_| misuse("a string is needed"))
    }

    pub(crate) fn optional_string(&self, at: usize) -> Result<Option<String>, Error> {
        if self.is_undefined(at) {
            return Ok(None);
        }
        self.string(at).map(Some)
    }

    pub(crate) fn is_undefined(&self, at: usize) -> bool {
        if at >= self.count {
            return true;
        }
        let mut kind = sys::ValueType::napi_undefined;
        // SAFETY: see the file's reason.
        unsafe { sys::napi_typeof(self.env, self.argument(at), &raw mut kind) };
        kind == sys::ValueType::napi_undefined
    }

    /// An array of strings; undefined is an empty one.
    pub(crate) fn strings(&self, at: usize) -> Result<Vec<String>, Error> {
        self.elements(at)?
            .into_iter()
            .map(|value| self.read_string(value))
            .collect()
    }

    /// An array of `Uint8Array`s, copied; undefined is an empty one.
    pub(crate) fn attachments(&self, at: usize) -> Result<Vec<Bytes>, Error> {
        self.elements(at)?
            .into_iter()
            .map(|value| self.read_bytes(value))
            .collect()
    }

    /// A `Uint8Array`, copied.
    pub(crate) fn bytes(&self, at: usize) -> Result<Bytes, Error> {
        self.read_bytes(self.argument(at))
    }

    fn read_bytes(&self, value: napi_value) -> Result<Bytes, Error> {
        let (mut kind, mut length, mut data) = (0, 0, ptr::null_mut());
        // SAFETY: see the file's reason; what is not asked for may be null.
        let status = unsafe {
            sys::napi_get_typedarray_info(
                self.env,
                value,
                &raw mut kind,
                &raw mut length,
                &raw mut data,
                ptr::null_mut(),
                ptr::null_mut(),
            )
        };
        checked(status, (), "a Uint8Array is needed")?;
        if kind != sys::TypedarrayType::uint8_array {
            return Err(misuse("a Uint8Array is needed"));
        }
        if data.is_null() || length == 0 {
            return Ok(Bytes::new());
        }
        // SAFETY: nobody changes the array's memory while we are on its thread.
        let view = unsafe { std::slice::from_raw_parts(data.cast_const().cast::<u8>(), length) };
        Ok(Bytes::copy_from_slice(view))
    }

    pub(crate) fn elements(&self, at: usize) -> Result<Vec<napi_value>, Error> {
        if self.is_undefined(at) {
            return Ok(Vec::new());
        }
        let array = self.argument(at);
        let mut length = 0;
        // SAFETY: see the file's reason.
        let status = unsafe { sys::napi_get_array_length(self.env, array, &raw mut length) };
        checked(status, (), "an array is needed")?;
        (0..length)
            .map(|index| {
                let mut value = ptr::null_mut();
                // SAFETY: see the file's reason.
                let status =
                    unsafe { sys::napi_get_element(self.env, array, index, &raw mut value) };
                checked(status, value, "an array is needed")
            })
            .collect()
    }

    /// Copies numbers to the start of a `Uint32Array`, as many as fit.
    pub(crate) fn fill(&self, at: usize, words: &[u32]) -> Result<(), Error> {
        let (mut kind, mut length, mut data) = (0, 0, ptr::null_mut());
        // SAFETY: see the file's reason; what is not asked for may be null.
        let status = unsafe {
            sys::napi_get_typedarray_info(
                self.env,
                self.argument(at),
                &raw mut kind,
                &raw mut length,
                &raw mut data,
                ptr::null_mut(),
                ptr::null_mut(),
            )
        };
        checked(status, (), "a Uint32Array is needed")?;
        if kind != sys::TypedarrayType::uint32_array || length < words.len() {
            return Err(misuse("a large enough Uint32Array is needed"));
        }
        // SAFETY: the array has room for them and is not in use: we are on its thread.
        unsafe { ptr::copy_nonoverlapping(words.as_ptr(), data.cast(), words.len()) };
        Ok(())
    }

    // ---- results

    /// A string of valid UTF-8.
    pub(crate) fn new_text(&self, text: &[u8]) -> napi_value {
        let mut value = ptr::null_mut();
        // SAFETY: see the file's reason.
        unsafe {
            let start = text.as_ptr().cast();
            sys::napi_create_string_utf8(self.env, start, text.len() as isize, &raw mut value)
        };
        value
    }

    /// A string of UTF-16, halves of surrogate pairs included.
    pub(crate) fn new_units(&self, units: &[u16]) -> napi_value {
        let mut value = ptr::null_mut();
        // SAFETY: see the file's reason.
        unsafe {
            let start = units.as_ptr();
            sys::napi_create_string_utf16(self.env, start, units.len() as isize, &raw mut value)
        };
        value
    }

    pub(crate) fn new_number(&self, number: f64) -> napi_value {
        let mut value = ptr::null_mut();
        // SAFETY: see the file's reason.
        unsafe { sys::napi_create_double(self.env, number, &raw mut value) };
        value
    }

    pub(crate) fn new_flag(&self, flag: bool) -> napi_value {
        let mut value = ptr::null_mut();
        // SAFETY: see the file's reason.
        unsafe { sys::napi_get_boolean(self.env, flag, &raw mut value) };
        value
    }

    pub(crate) fn new_array(&self, values: impl Iterator<Item = napi_value>) -> napi_value {
        let mut array = ptr::null_mut();
        // SAFETY: see the file's reason.
        unsafe { sys::napi_create_array(self.env, &raw mut array) };
        for (index, value) in values.enumerate() {
            self.set_element(array, index as u32, value);
        }
        array
    }

    fn set_element(&self, array: napi_value, index: u32, value: napi_value) {
        // SAFETY: see the file's reason.
        unsafe { sys::napi_set_element(self.env, array, index, value) };
    }

    /// Fills an array: first the arguments of a batch, then the memory of all small attachments, then of each attachment
    /// its length, if it is small, or its `Buffer`.
    pub(crate) fn put_parts(&self, at: usize, args: &[u8], attachments: &mut Vec<Bytes>) {
        let array = self.argument(at);
        self.set_element(array, 0, self.new_text(args));
        if attachments.is_empty() {
            return;
        }
        let small: Vec<u8> = attachments
            .iter()
            .filter(|bytes| bytes.len() <= SMALL)
            .flat_map(|bytes| bytes.iter().copied())
            .collect();
        self.set_element(array, 1, self.new_array_buffer(&small));
        for (index, bytes) in attachments.drain(..).enumerate() {
            let value = if bytes.len() <= SMALL {
                self.new_number(bytes.len() as f64)
            } else {
                self.new_buffer(bytes)
            };
            self.set_element(array, index as u32 + 2, value);
        }
    }

    fn new_array_buffer(&self, content: &[u8]) -> napi_value {
        let (mut data, mut value) = (ptr::null_mut(), ptr::null_mut());
        // SAFETY: see the file's reason; the new memory is as long as the content.
        unsafe {
            sys::napi_create_arraybuffer(self.env, content.len(), &raw mut data, &raw mut value);
            if !content.is_empty() && !data.is_null() {
                ptr::copy_nonoverlapping(content.as_ptr(), data.cast(), content.len());
            }
        }
        value
    }

    /// A `Buffer` that owns the bytes, where the runtime has such buffers; a copy elsewhere.
    fn new_buffer(&self, bytes: Bytes) -> napi_value {
        let owned: Box<Vec<u8>> = Box::new(bytes.into());
        let (length, data) = (owned.len(), owned.as_ptr().cast_mut().cast::<c_void>());
        let hint = Box::into_raw(owned);
        let mut value = ptr::null_mut();
        // SAFETY: the memory lives until the finalizer; nobody else uses it.
        let status = unsafe {
            sys::napi_create_external_buffer(
                self.env,
                length,
                data,
                Some(free),
                hint.cast(),
                &raw mut value,
            )
        };
        if status != sys::Status::napi_ok {
            // SAFETY: the buffer was not made, so the memory is still ours; it is copied before it goes.
            unsafe {
                sys::napi_create_buffer_copy(
                    self.env,
                    length,
                    data,
                    ptr::null_mut(),
                    &raw mut value,
                );
                drop(Box::from_raw(hint));
            }
        }
        value
    }
}

unsafe extern "C" fn free(_: sys::napi_env, _: *mut c_void, hint: *mut c_void) {
    // SAFETY: it was made by `into_raw` for this one buffer.
    drop(unsafe { Box::from_raw(hint.cast::<Vec<u8>>()) });
}

fn checked<T>(status: sys::napi_status, value: T, needed: &'static str) -> Result<T, Error> {
    if status == sys::Status::napi_ok {
        Ok(value)
    } else {
        Err(misuse(needed))
    }
}
