//! Who gets it: rooms, and rooms left out.

use bellwire_core::error::Error;
use bellwire_core::socketio::Target;
use bellwire_core::socketio::target::Reliability;

use crate::call::Call;

/// See the module's documentation.
pub(crate) struct Audience {
    rooms: Vec<String>,
    except: Vec<String>,
}

impl Audience {
    /// Two arguments, from `at`.
    pub(crate) fn read(call: &Call<'_>, at: usize) -> Result<Self, Error> {
        Ok(Self {
            rooms: call.rooms(at)?,
            except: call.rooms(at + 1)?,
        })
    }

    pub(crate) fn with<R>(
        &self,
        reliability: Reliability,
        run: impl FnOnce(&Target<'_>) -> R,
    ) -> R {
        let rooms: Vec<&str> = self.rooms.iter().map(String::as_str).collect();
        let except: Vec<&str> = self.except.iter().map(String::as_str).collect();
        run(&Target {
            rooms: &rooms,
            except: &except,
            skip: None,
            reliability,
        })
    }
}
