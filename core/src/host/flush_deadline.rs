//! FlushDeadline: what the handlers of a batch emit leaves together when the batch is done, unless a handler takes its time.
//!
//! A connection that is woken once for all that it gets costs much less than one that is woken for each message. But a
//! handler may emit something and then compute for seconds, and what it said before is to be heard before.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::mailbox::{Cork, Held};
use crate::socketio::event::Clock;
use crate::sync::atomic::{AtomicBool, Ordering};

/// How long what a handler emits may be held back.
const LONGEST: Duration = Duration::from_millis(2);

/// See the module's documentation.
pub struct FlushDeadline {
    held: Arc<Held>,
    clock: Arc<dyn Clock>,
    /// Somebody will look whether a cork has been there for too long.
    watched: AtomicBool,
}

impl FlushDeadline {
    /// With this clock.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            held: Arc::default(),
            clock,
            watched: AtomicBool::new(false),
        }
    }

    /// Holds back the wake-ups that this thread causes, until the cork is dropped or time is up.
    pub fn cork(self: &Arc<Self>) -> Cork {
        let cork = Cork::holding(&self.held);
        self.watch();
        cork
    }

    /// At most one timer runs for all corks of a busy host.
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
    use std::sync::Mutex;
    use std::sync::atomic::AtomicU32;
    use std::task::{Wake, Waker};
    use std::time::Instant;

    use super::*;
    use crate::mailbox::{Budget, Mailbox};

    #[derive(Default)]
    struct ByHand(Mutex<Vec<Box<dyn FnOnce() + Send>>>);

    impl fmt::Debug for ByHand {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("ByHand")
        }
    }

    impl Clock for ByHand {
        fn now(&self) -> Instant {
            unreachable!("nothing here asks for the time")
        }

        fn after(&self, _: Duration, run: Box<dyn FnOnce() + Send>) {
            self.0.lock().unwrap().push(run);
        }
    }

    impl ByHand {
        /// Lets time pass; how many timers were due.
        fn tick(&self) -> usize {
            let due = std::mem::take(&mut *self.0.lock().unwrap());
            let count = due.len();
            due.into_iter().for_each(|run| run());
            count
        }
    }

    #[derive(Default)]
    struct Count(AtomicU32);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn what_a_slow_handler_has_said_leaves_before_it_is_done() {
        let timer = Arc::new(ByHand::default());
        let deadline = Arc::new(FlushDeadline::new(Arc::clone(&timer) as _));
        let count = Arc::new(Count::default());
        let woken = || count.0.load(Ordering::SeqCst);
        let mailbox = Mailbox::default();
        let say = || {
            mailbox.drain_into(&mut Vec::new(), &mut Vec::new());
            assert!(mailbox.sleep(&Waker::from(Arc::clone(&count))));
            mailbox.push(1, 1, Budget::Unlimited).unwrap();
        };

        drop(deadline.cork());
        let cork = deadline.cork();
        say();
        assert_eq!(woken(), 0);
        assert_eq!(timer.tick(), 1, "one timer for both corks");
        assert_eq!(woken(), 1);
        say();
        assert_eq!(timer.tick(), 1, "the cork is still there");
        assert_eq!(woken(), 2);
        say();
        drop(cork);
        assert_eq!(woken(), 3);
        assert_eq!(timer.tick(), 1);
        assert_eq!(timer.tick(), 0, "nobody has to look any more");
    }
}
