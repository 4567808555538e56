//! Polled delivery: the JavaScript thread drains the queue in batches.

use bellwire_core::error::Error;
use napi::sys::napi_value;

use crate::batch::{Kind, Numbers};
use crate::call::{Call, Native};
use crate::log;

/// Number of events that are taken from the queue between two checks of the batch's size.
const STEP: usize = 16;

/// A batch with more text than this, in bytes, is returned before it has the maximum number of events.
const MUCH_TEXT: usize = 1 << 18;

/// `drain(most, words, parts)`: takes up to `most` events. Writes the number of records, whether more events wait, and the
/// records to the `Uint32Array` `words`; puts the arguments of the messages and the attachments into the array `parts`.
/// Returns the text of the records.
pub(crate) struct Drain;

impl Native for Drain {
    const NAME: &'static str = "drain";

    fn run(call: &Call<'_>) -> Result<napi_value, Error> {
        let most = call.number(0)? as usize;
        let host = &call.engine.host;
        call.engine.bell.answered();
        {
            let mut state = host.state();
            state.batch.clear();
            for handle in state.registry.collect(most) {
                let numbers = Numbers {
                    handle,
                    ..Numbers::default()
                };
                state.batch.push(Kind::Released, numbers, b"", b"");
            }
        }
        let mut more = false;
        let mut cork = None;
        if let Ok(server) = call.engine.server()
            && let Some(queue) = server.queue()
        {
            let mut left = most;
            loop {
                let step = STEP.min(left);
                // Only the JavaScript thread drains, and the handler does not call back into it, so this does not fail.
                let handled = queue.copy(step).unwrap_or(0);
                left -= handled;
                more = handled == step;
                if !more || left == 0 || host.state().batch.size() > MUCH_TEXT {
                    break;
                }
            }
            // Until `flush`, emits of handlers are collected, so that each connection is woken once. With a single event
            // this would save nothing.
            cork = (most - left > 1).then(|| queue.cork());
        }
        more |= log::drain(call.engine.log_id, most, &mut host.state().batch);
        if more {
            call.engine.bell.promised();
        }
        let mut state = host.state();
        state.cork = cork;
        let batch = &mut state.batch;
        call.fill(1, batch.close_records(more))?;
        let mut attachments = std::mem::take(&mut batch.attachments);
        call.put_parts(2, batch.close_args(), &mut attachments);
        Ok(call.new_text(batch.text()))
    }
}

/// `flush()`: all events of the drain have been handled; sends the messages that handlers have emitted meanwhile.
pub(crate) struct Flush;

impl Native for Flush {
    const NAME: &'static str = "flush";

    fn run(call: &Call<'_>) -> Result<napi_value, Error> {
        let cork = call.engine.host.state().cork.take();
        drop(cork);
        if let Ok(server) = call.engine.server()
            && let Some(queue) = server.queue()
        {
            queue.copied_are_handled();
        }
        Ok(call.undefined())
    }
}
