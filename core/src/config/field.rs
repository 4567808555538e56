//! Conversions between the settings of the option table and the fields of the configuration.

use std::time::Duration;

use serde_json::Value;

use crate::config::cookie::CookieOptions;
use crate::config::cors::CorsOptions;
use crate::config::kind::{Refusal, Setting};
use crate::config::values::{Delivery, Protocol, SendBufferPolicy, Transports};

pub(super) trait Field {
    fn get(&self) -> Setting;
    fn put(&mut self, setting: Setting) -> Result<(), Refusal>;
}

/// The error of a row of the table whose kind does not match its field. A test visits every row.
fn mismatch(setting: &Setting) -> Refusal {
    Refusal::new(format!("cannot hold {setting:?}"))
}

impl Field for bool {
    fn get(&self) -> Setting {
        Setting::Bool(*self)
    }

    fn put(&mut self, setting: Setting) -> Result<(), Refusal> {
        let Setting::Bool(flag) = setting else {
            return Err(mismatch(&setting));
        };
        *self = flag;
        Ok(())
    }
}

impl Field for usize {
    fn get(&self) -> Setting {
        Setting::Int(*self as u64)
    }

    fn put(&mut self, setting: Setting) -> Result<(), Refusal> {
        let Setting::Int(number) = setting else {
            return Err(mismatch(&setting));
        };
        *self = Self::try_from(number)
            .map_err(|_| Refusal::new(format!("cannot be {number} on this machine")))?;
        Ok(())
    }
}

impl Field for Duration {
    fn get(&self) -> Setting {
        Setting::Time(*self)
    }

    fn put(&mut self, setting: Setting) -> Result<(), Refusal> {
        let Setting::Time(time) = setting else {
            return Err(mismatch(&setting));
        };
        *self = time;
        Ok(())
    }
}

impl Field for String {
    fn get(&self) -> Setting {
        Setting::Text(self.clone())
    }

    fn put(&mut self, setting: Setting) -> Result<(), Refusal> {
        let Setting::Text(text) = setting else {
            return Err(mismatch(&setting));
        };
        *self = text;
        Ok(())
    }
}

/// Types with a value that says "none": zero, or the empty text.
trait Empty: Field + Default {}
impl Empty for usize {}
impl Empty for Duration {}
impl Empty for String {}

impl<T: Empty> Field for Option<T> {
    fn get(&self) -> Setting {
        self.as_ref().map_or_else(|| T::default().get(), T::get)
    }

    fn put(&mut self, setting: Setting) -> Result<(), Refusal> {
        let none = T::default().get() == setting;
        let mut value = T::default();
        value.put(setting)?;
        *self = (!none).then_some(value);
        Ok(())
    }
}

impl Field for Transports {
    fn get(&self) -> Setting {
        Setting::Int(self.bits())
    }

    fn put(&mut self, setting: Setting) -> Result<(), Refusal> {
        let Setting::Int(bits) = setting else {
            return Err(mismatch(&setting));
        };
        *self = Self::from_bits(bits);
        Ok(())
    }
}

macro_rules! choice_fields {
    ($($ty:ty),*) => {$(
        impl Field for $ty {
            fn get(&self) -> Setting {
                let index = Self::ALL.iter().position(|choice| choice == self);
                Setting::Int(index.unwrap_or(0) as u64)
            }

            fn put(&mut self, setting: Setting) -> Result<(), Refusal> {
                let Setting::Int(index) = setting else {
                    return Err(mismatch(&setting));
                };
                *self = *Self::ALL
                    .get(index as usize)
                    .ok_or_else(|| mismatch(&Setting::Int(index)))?;
                Ok(())
            }
        }
    )*};
}

choice_fields!(Delivery, Protocol, SendBufferPolicy);

macro_rules! json_fields {
    ($($ty:ty),*) => {$(
        impl Field for Option<$ty> {
            fn get(&self) -> Setting {
                Setting::Json(self.as_ref().map_or(Value::Bool(false), <$ty>::to_json))
            }

            fn put(&mut self, setting: Setting) -> Result<(), Refusal> {
                let Setting::Json(value) = setting else {
                    return Err(mismatch(&setting));
                };
                *self = <$ty>::from_json(&value)?;
                Ok(())
            }
        }
    )*};
}

json_fields!(CookieOptions, CorsOptions);
