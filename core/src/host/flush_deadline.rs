//! The flush deadline: messages that handlers emit while a batch of events is handled are flushed together at the end of
//! the batch, or after `LONGEST` if the batch takes longer.
//!
//! Waking a connection once for all its messages costs much less than waking it for each of them. But a handler may emit
//! a message and then compute for seconds, and the message must not wait for that.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::mailbox::{Cork, Held};
use crate::socketio::event::Clock;
use crate::sync::atomic::{AtomicBool, Ordering};

/// The longest time for which an emitted message is held back.
const LONGEST: Duration = Duration::from_millis(2);

/// Flushes held wake-ups after a deadline.
pub struct FlushDeadline {
    held: Arc<Held>,
    clock: Arc<dyn Clock>,
    /// Whether a timer is running.
    watched: AtomicBool,
}

impl FlushDeadline {
    /// A deadline that `clock` measures.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            held: Arc::default(),
            clock,
            watched: AtomicBool::new(false),
        }
    }

    /// Holds back the wake-ups that this thread causes until the cork is dropped or the deadline has passed.
    pub fn cork(self: &Arc<Self>) -> Cork {
        let cork = Cork::holding(&self.held);
        self.watch();
        cork
    }

    /// Starts a timer unless one is running: one timer serves all corks.
    fn watch(self: &Arc<Self>) {
        if self.watched.swap(true, Ordering::AcqRel) {
            return;
        }
        let deadline = Arc::clone(self);
        let look = move || {
            deadline.held.release();
            deadline.watched.store(false, Ordering::Release);
            if deadline.held.is_corked() {
                deadline.watch();
            }
        };
        self.clock.after(LONGEST, Box::new(look));
    }
}

impl fmt::Debug for FlushDeadline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlushDeadline")
            .field("held", &self.held)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;
    use crate::host::tests::{Count, ManualClock};
    use crate::mailbox::{Budget, Mailbox};

    #[test]
    fn messages_of_a_slow_handler_are_flushed_while_it_runs() {
        let timer = Arc::new(ManualClock::default());
        let deadline = Arc::new(FlushDeadline::new(Arc::clone(&timer) as _));
        let count = Arc::new(Count::default());
        let woken = || count.value();
        let mailbox = Mailbox::default();
        let push = || {
            mailbox.drain_into(&mut Vec::new(), &mut Vec::new());
            assert!(mailbox.sleep(&Waker::from(Arc::clone(&count))));
            mailbox.push(1, 1, Budget::Unlimited).unwrap();
        };

        drop(deadline.cork());
        let cork = deadline.cork();
        push();
        assert_eq!(woken(), 0);
        assert_eq!(timer.run(), 1, "one timer for both corks");
        assert_eq!(woken(), 1);
        push();
        assert_eq!(timer.run(), 1, "the cork is still there");
        assert_eq!(woken(), 2);
        push();
        drop(cork);
        assert_eq!(woken(), 3);
        assert_eq!(timer.run(), 1);
        assert_eq!(timer.run(), 0, "no cork is left, so no timer runs");
    }
}
