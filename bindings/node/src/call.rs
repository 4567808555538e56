//! A call of JavaScript: how our functions are entered and left.
//!
//! They are registered with Node-API itself: a wrapper that converts every argument costs three times what the hot ones
//! (emit, broadcast, join, acknowledge) do.

use std::ffi::{CString, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::Arc;

use bellwire_core::error::{Error, ErrorKind};
use napi::sys;
use napi::sys::napi_value;

use crate::error;
use crate::server::Engine;

/// The most arguments that any of our functions takes.
const ARGUMENTS: usize = 8;

/// A function that JavaScript can call.
pub(crate) trait Native {
    /// Its name as a property of the engine.
    const NAME: &'static str;

    /// What it does. An error is thrown.
    fn run(call: &Call<'_>) -> Result<napi_value, Error>;
}

/// See the module's documentation. `value.rs` reads its arguments and makes its results.
pub(crate) struct Call<'a> {
    pub(crate) engine: &'a Engine,
    /// Valid, and ours, until the call returns.
    pub(crate) env: sys::napi_env,
    arguments: [napi_value; ARGUMENTS],
    /// How many were given.
    pub(crate) count: usize,
}

impl Call<'_> {
    /// An argument; the ones that were not given are undefined.
    pub(crate) fn argument(&self, at: usize) -> napi_value {
        if at < self.count {
            self.arguments[at]
        } else {
            self.undefined()
        }
    }
}

/// Makes a JavaScript function of `N` that shares the engine, as a property of `object`.
#[expect(unsafe_code, reason = "this is where Node-API is called by hand")]
pub(crate) fn register<N: Native>(
    env: sys::napi_env,
    object: napi_value,
    engine: &Arc<Engine>,
) -> napi::Result<()> {
    let data = Arc::into_raw(Arc::clone(engine))
        .cast_mut()
        .cast::<c_void>();
    let name = N::NAME;
    let (mut function, mut key) = (ptr::null_mut(), ptr::null_mut());
    // SAFETY: `env` and `object` belong to the call that we are in; `data` lives until the finalizer of the function.
    let statuses = unsafe {
        [
            sys::napi_create_function(
                env,
                name.as_ptr().cast(),
                name.len() as isize,
                Some(enter::<N>),
                data,
                &raw mut function,
            ),
            sys::napi_add_finalizer(
                env,
                function,
                data,
                Some(forget),
                ptr::null_mut(),
                ptr::null_mut(),
            ),
            sys::napi_create_string_utf8(
                env,
                name.as_ptr().cast(),
                name.len() as isize,
                &raw mut key,
            ),
            sys::napi_set_property(env, object, key, function),
        ]
    };
    match statuses.into_iter().find(|status| *status != 0) {
        None => Ok(()),
        Some(status) => Err(napi::Error::new(
            napi::Status::from(status),
            "a native function cannot be made",
        )),
    }
}

#[expect(unsafe_code, reason = "the signature is Node-API's")]
unsafe extern "C" fn forget(_: sys::napi_env, data: *mut c_void, _: *mut c_void) {
    // SAFETY: it was made by `into_raw` for this one function.
    drop(unsafe { Arc::from_raw(data.cast_const().cast::<Engine>()) });
}

#[expect(unsafe_code, reason = "the signature is Node-API's")]
unsafe extern "C" fn enter<N: Native>(
    env: sys::napi_env,
    info: sys::napi_callback_info,
) -> napi_value {
    let mut arguments = [ptr::null_mut(); ARGUMENTS];
    let mut count = ARGUMENTS;
    let mut data = ptr::null_mut();
    // SAFETY: Node-API calls us with its own values; `data` is the engine that `register` gave it, and the function,
    // which is running, keeps it.
    let engine = unsafe {
        sys::napi_get_cb_info(
            env,
            info,
            &raw mut count,
            arguments.as_mut_ptr(),
            ptr::null_mut(),
            &raw mut data,
        );
        &*data.cast_const().cast::<Engine>()
    };
    let call = Call {
        engine,
        env,
        arguments,
        count,
    };
    let done = catch_unwind(AssertUnwindSafe(|| N::run(&call)))
        .unwrap_or_else(|_| Err(Error::from(ErrorKind::Panic)));
    match done {
        Ok(value) => value,
        Err(error) => throw(env, &error),
    }
}

/// Throws an error with its code, and gives what the function then returns.
#[expect(unsafe_code, reason = "this is where Node-API is called by hand")]
pub(crate) fn throw(env: sys::napi_env, error: &Error) -> napi_value {
    let text = |text: String| CString::new(text.replace('\0', "")).unwrap_or_default();
    let (code, message) = (text(error::code(error)), text(error::message(error)));
    // SAFETY: we are inside a call of this environment; both texts end with a zero and are copied.
    unsafe { sys::napi_throw_error(env, code.as_ptr(), message.as_ptr()) };
    ptr::null_mut()
}
