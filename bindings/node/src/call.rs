//! Native functions that JavaScript calls.
//!
//! The functions are registered with Node-API directly, because napi's wrappers, which convert each argument, make the hot
//! functions (emit, broadcast, join, acknowledge) three times as expensive.

use std::ffi::{CString, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::Arc;

use bellwire_core::error::{Error, ErrorKind};
use napi::sys;
use napi::sys::napi_value;

use crate::error;
use crate::server::Engine;

/// The maximum number of arguments of a function.
const ARGUMENTS: usize = 8;

/// A function that JavaScript can call.
pub(crate) trait Native {
    /// The name of the function: a property of the engine object.
    const NAME: &'static str;

    /// Executes the function. An error is thrown as a JavaScript exception.
    fn run(call: &Call<'_>) -> Result<napi_value, Error>;
}

/// A call in progress: its engine and its arguments. `value.rs` converts arguments and results.
pub(crate) struct Call<'a> {
    pub(crate) engine: &'a Engine,
    /// The environment, valid until the call returns.
    pub(crate) env: sys::napi_env,
    arguments: [napi_value; ARGUMENTS],
    /// The number of arguments that the caller passed.
    pub(crate) count: usize,
}

impl Call<'_> {
    /// The argument at this index; `undefined` if the caller passed fewer.
    pub(crate) fn argument(&self, at: usize) -> napi_value {
        if at < self.count {
            self.arguments[at]
        } else {
            self.undefined()
        }
    }
}

/// Adds the function `N` to `object`. The function holds a reference to the engine.
#[expect(unsafe_code, reason = "calls Node-API directly")]
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
    // SAFETY: `env` and `object` belong to the current call; `data` is valid until the finalizer of the function.
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
            "Node-API could not create a native function",
        )),
    }
}

#[expect(unsafe_code, reason = "the signature is defined by Node-API")]
unsafe extern "C" fn forget(_: sys::napi_env, data: *mut c_void, _: *mut c_void) {
    // SAFETY: `data` comes from `Arc::into_raw` in `register`, and the finalizer runs once.
    drop(unsafe { Arc::from_raw(data.cast_const().cast::<Engine>()) });
}

#[expect(unsafe_code, reason = "the signature is defined by Node-API")]
unsafe extern "C" fn enter<N: Native>(
    env: sys::napi_env,
    info: sys::napi_callback_info,
) -> napi_value {
    let mut arguments = [ptr::null_mut(); ARGUMENTS];
    let mut count = ARGUMENTS;
    let mut data = ptr::null_mut();
    // SAFETY: `env` and `info` come from Node-API; `data` is the engine from `register`, which the running function keeps
    // alive.
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

/// Throws an error with its code. Returns the value that the native function must then return.
#[expect(unsafe_code, reason = "calls Node-API directly")]
pub(crate) fn throw(env: sys::napi_env, error: &Error) -> napi_value {
    let text = |text: String| CString::new(text.replace('\0', "")).unwrap_or_default();
    let (code, message) = (text(error::code(error)), text(error::message(error)));
    // SAFETY: this runs during a call from `env`; both strings are NUL-terminated and are copied.
    unsafe { sys::napi_throw_error(env, code.as_ptr(), message.as_ptr()) };
    ptr::null_mut()
}
