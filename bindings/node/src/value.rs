//! Conversion of arguments and results. Besides `call.rs`, the only file that calls Node-API directly.
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

/// A received attachment up to this size, in bytes, is copied into one `ArrayBuffer` that all small attachments of a drain
/// share; a larger one is passed to JavaScript without a copy.
const SMALL: usize = 2048;

/// The free space, in bytes, with which a string is read. Most strings fit, and are then read with one call.
const ROOM: usize = 4096;

impl Call<'_> {
    pub(crate) fn undefined(&self) -> napi_value {
        let mut value = ptr::null_mut();
        // SAFETY: see the reason at the top of the file.
        unsafe { sys::napi_get_undefined(self.env, &raw mut value) };
        value
    }

    /// Argument `at`, a number, as an unsigned integer.
    pub(crate) fn number(&self, at: usize) -> Result<u32, Error> {
        let mut number = 0;
        // SAFETY: see the reason at the top of the file.
        let status =
            unsafe { sys::napi_get_value_uint32(self.env, self.argument(at), &raw mut number) };
        checked(status, number, "the argument must be a number")
    }

    pub(crate) fn flag(&self, at: usize) -> Result<bool, Error> {
        let mut flag = false;
        // SAFETY: see the reason at the top of the file.
        let status =
            unsafe { sys::napi_get_value_bool(self.env, self.argument(at), &raw mut flag) };
        checked(status, flag, "the argument must be a boolean")
    }

    /// Appends argument `at`, a string, to `out`; returns its range.
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
            // SAFETY: as above; `room` bytes, including the terminating NUL, may be written behind the vector's end.
            let status = unsafe {
                let end = out.as_mut_ptr().add(start).cast();
                sys::napi_get_value_string_utf8(self.env, value, end, room, &raw mut written)
            };
            checked(status, (), "the argument must be a string")?;
            // Node-API writes whole characters, of at most four bytes. With less space left, the string may be truncated.
            if written + 4 < room {
                // SAFETY: Node-API has initialized this many bytes.
                unsafe { out.set_len(start + written) };
                return Ok(start..start + written);
            }
            let mut whole = 0;
            // SAFETY: without a buffer, the call only returns the length.
            unsafe {
                let none = ptr::null_mut();
                sys::napi_get_value_string_utf8(self.env, value, none, 0, &raw mut whole)
            };
            out.reserve(whole + 8);
        }
    }

    /// The UTF-16 code units of a string, including unpaired surrogates.
    pub(crate) fn units(&self, value: napi_value) -> Result<Vec<u16>, Error> {
        let mut length = 0;
        // SAFETY: see the reason at the top of the file; without a buffer, the call only returns the length.
        let status = unsafe {
            let none = ptr::null_mut();
            sys::napi_get_value_string_utf16(self.env, value, none, 0, &raw mut length)
        };
        checked(status, (), "the argument must be a string")?;
        // One more for the terminating NUL.
        let mut units = vec![0; length + 1];
        let mut written = 0;
        // SAFETY: see the reason at the top of the file; the vector has this length.
        let status = unsafe {
            let start = units.as_mut_ptr();
            sys::napi_get_value_string_utf16(self.env, value, start, units.len(), &raw mut written)
        };
        units.truncate(written);
        checked(status, units, "the argument must be a string")
    }

    pub(crate) fn string(&self, at: usize) -> Result<String, Error> {
        self.read_string(self.argument(at))
    }

    fn read_string(&self, value: napi_value) -> Result<String, Error> {
        let mut text = Vec::new();
        self.read_text(value, &mut text)?;
        String::from_utf8(text).map_err(|_| misuse("the argument must be a string"))
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
        // SAFETY: see the reason at the top of the file.
        unsafe { sys::napi_typeof(self.env, self.argument(at), &raw mut kind) };
        kind == sys::ValueType::napi_undefined
    }

    /// Argument `at`, an array of strings. `undefined` counts as an empty array.
    pub(crate) fn strings(&self, at: usize) -> Result<Vec<String>, Error> {
        self.elements(at)?
            .into_iter()
            .map(|value| self.read_string(value))
            .collect()
    }

    /// A copy of argument `at`, an array of `Uint8Array`s. `undefined` counts as an empty array.
    pub(crate) fn attachments(&self, at: usize) -> Result<Vec<Bytes>, Error> {
        self.elements(at)?
            .into_iter()
            .map(|value| self.read_bytes(value))
            .collect()
    }

    /// A copy of argument `at`, a `Uint8Array`.
    pub(crate) fn bytes(&self, at: usize) -> Result<Bytes, Error> {
        self.read_bytes(self.argument(at))
    }

    fn read_bytes(&self, value: napi_value) -> Result<Bytes, Error> {
        let (mut kind, mut length, mut data) = (0, 0, ptr::null_mut());
        // SAFETY: see the reason at the top of the file; results that are not needed may be null.
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
        checked(status, (), "the argument must be a Uint8Array")?;
        if kind != sys::TypedarrayType::uint8_array {
            return Err(misuse("the argument must be a Uint8Array"));
        }
        if data.is_null() || length == 0 {
            return Ok(Bytes::new());
        }
        // SAFETY: the memory is not shared, so only this thread can change it.
        let view = unsafe { std::slice::from_raw_parts(data.cast_const().cast::<u8>(), length) };
        Ok(Bytes::copy_from_slice(view))
    }

    pub(crate) fn elements(&self, at: usize) -> Result<Vec<napi_value>, Error> {
        if self.is_undefined(at) {
            return Ok(Vec::new());
        }
        let array = self.argument(at);
        let mut length = 0;
        // SAFETY: see the reason at the top of the file.
        let status = unsafe { sys::napi_get_array_length(self.env, array, &raw mut length) };
        checked(status, (), "the argument must be an array")?;
        (0..length)
            .map(|index| {
                let mut value = ptr::null_mut();
                // SAFETY: see the reason at the top of the file.
                let status =
                    unsafe { sys::napi_get_element(self.env, array, index, &raw mut value) };
                checked(status, value, "the argument must be an array")
            })
            .collect()
    }

    /// Copies words to the start of argument `at`, a `Uint32Array`. An error if the array is too short.
    pub(crate) fn fill(&self, at: usize, words: &[u32]) -> Result<(), Error> {
        let (mut kind, mut length, mut data) = (0, 0, ptr::null_mut());
        // SAFETY: see the reason at the top of the file; results that are not needed may be null.
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
        checked(status, (), "the argument must be a Uint32Array")?;
        if kind != sys::TypedarrayType::uint32_array || length < words.len() {
            return Err(misuse("the Uint32Array is too short"));
        }
        // SAFETY: the array is long enough, and only this thread uses it.
        unsafe { ptr::copy_nonoverlapping(words.as_ptr(), data.cast(), words.len()) };
        Ok(())
    }

    // ---- results

    /// Creates a string from valid UTF-8.
    pub(crate) fn new_text(&self, text: &[u8]) -> napi_value {
        let mut value = ptr::null_mut();
        // SAFETY: see the reason at the top of the file.
        unsafe {
            let start = text.as_ptr().cast();
            sys::napi_create_string_utf8(self.env, start, text.len() as isize, &raw mut value)
        };
        value
    }

    /// Creates a string from UTF-16 code units, which may include unpaired surrogates.
    pub(crate) fn new_units(&self, units: &[u16]) -> napi_value {
        let mut value = ptr::null_mut();
        // SAFETY: see the reason at the top of the file.
        unsafe {
            let start = units.as_ptr();
            sys::napi_create_string_utf16(self.env, start, units.len() as isize, &raw mut value)
        };
        value
    }

    pub(crate) fn new_number(&self, number: f64) -> napi_value {
        let mut value = ptr::null_mut();
        // SAFETY: see the reason at the top of the file.
        unsafe { sys::napi_create_double(self.env, number, &raw mut value) };
        value
    }

    pub(crate) fn new_flag(&self, flag: bool) -> napi_value {
        let mut value = ptr::null_mut();
        // SAFETY: see the reason at the top of the file.
        unsafe { sys::napi_get_boolean(self.env, flag, &raw mut value) };
        value
    }

    pub(crate) fn new_array(&self, values: impl Iterator<Item = napi_value>) -> napi_value {
        let mut array = ptr::null_mut();
        // SAFETY: see the reason at the top of the file.
        unsafe { sys::napi_create_array(self.env, &raw mut array) };
        for (index, value) in values.enumerate() {
            self.set_element(array, index as u32, value);
        }
        array
    }

    fn set_element(&self, array: napi_value, index: u32, value: napi_value) {
        // SAFETY: see the reason at the top of the file.
        unsafe { sys::napi_set_element(self.env, array, index, value) };
    }

    /// Fills argument `at`, an array: the arguments of a batch, an `ArrayBuffer` with the contents of all small attachments,
    /// then one item per attachment: the length of a small one, the `Buffer` of a large one.
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
        // SAFETY: see the reason at the top of the file; the new memory has the length of the content.
        unsafe {
            sys::napi_create_arraybuffer(self.env, content.len(), &raw mut data, &raw mut value);
            if !content.is_empty() && !data.is_null() {
                ptr::copy_nonoverlapping(content.as_ptr(), data.cast(), content.len());
            }
        }
        value
    }

    /// Creates a `Buffer` that owns the bytes; copies them if the runtime does not support external buffers.
    fn new_buffer(&self, bytes: Bytes) -> napi_value {
        let owned: Box<Vec<u8>> = Box::new(bytes.into());
        let (length, data) = (owned.len(), owned.as_ptr().cast_mut().cast::<c_void>());
        let hint = Box::into_raw(owned);
        let mut value = ptr::null_mut();
        // SAFETY: the memory is valid until the finalizer runs, and has no other users.
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
            // SAFETY: the external buffer was not created, so this function still owns the memory; it is copied, then freed.
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
    // SAFETY: `hint` comes from `Box::into_raw` in `new_buffer`, and the finalizer runs once.
    drop(unsafe { Box::from_raw(hint.cast::<Vec<u8>>()) });
}

fn checked<T>(status: sys::napi_status, value: T, needed: &'static str) -> Result<T, Error> {
    if status == sys::Status::napi_ok {
        Ok(value)
    } else {
        Err(misuse(needed))
    }
}
