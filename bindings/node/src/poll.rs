//! Polled delivery: the JavaScript thread takes the events, many at a time.

use bellwire_core::error::Error;
use napi::sys::napi_value;

use crate::batch::{Kind, Numbers};
use crate::call::{Call, Native};
use crate::log;

/// Events that are fetched before we look how much text there is.
const STEP: usize = 16;

/// A batch with more text than this is handed over before it is full.
const MUCH_TEXT: usize = 1 << 18;

/// `drain(most, words, parts)`: fills the words with how many records there are, whether to come again, and the records;
/// puts the arguments of the messages and all attachments into the array. The text of the records.
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
                // Nobody else drains, and no handler of ours comes back here.
                let handled = queue.copy(step).unwrap_or(0);
                left -= handled;
                more = handled == step;
                if !more || left == 0 || host.state().batch.size() > MUCH_TEXT {
                    break;
                }
            }
            // Until `flush`, what handlers emit wakes each connection once. For one event that is so anyhow.
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

/// `flush()`: sends what handlers have emitted since the drain, whose events have all been handled.
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
