//! Targets of a broadcast: rooms, and rooms left out.

use bellwire_core::error::Error;
use bellwire_core::socketio::TargetBuf;

use crate::call::Call;

/// The target of two arguments: `rooms?` at `at`, and `except?` behind it.
pub(crate) fn target(call: &Call<'_>, at: usize) -> Result<TargetBuf, Error> {
    Ok(TargetBuf {
        rooms: call.rooms(at)?,
        except: call.rooms(at + 1)?,
        ..TargetBuf::default()
    })
}
