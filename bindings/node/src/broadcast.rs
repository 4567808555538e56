//! Targets of a broadcast: rooms to include and rooms to exclude.

use bellwire_core::error::Error;
use bellwire_core::socketio::TargetBuf;

use crate::call::Call;

/// Reads a target from two arguments: the rooms at `at`, then the excluded rooms. Each may be undefined.
pub(crate) fn target(call: &Call<'_>, at: usize) -> Result<TargetBuf, Error> {
    Ok(TargetBuf {
        rooms: call.rooms(at)?,
        except: call.rooms(at + 1)?,
        ..TargetBuf::default()
    })
}
