//! A turn of an engine thread: all that it deals with between two rests. The host is woken once for what came in for it
//! in a turn, not once for each connection: on a busy machine that is the larger part of what a wake-up costs.

use std::cell::Cell;
use std::sync::{Arc, OnceLock, Weak};

use crate::socketio::event::EventSink;

/// After so many wake-ups of connections the host is woken in the middle of a turn: it may have a core of its own, and
/// a busy thread does not rest.
const LONGEST: u32 = 32;

thread_local! {
    /// Wake-ups that ended without waking the host.
    static WAKEUPS: Cell<u32> = const { Cell::new(0) };
}

/// The end of every turn of a server's threads.
#[derive(Debug, Clone, Default)]
pub(super) struct TurnEnd {
    /// Weak, because whoever takes events may have a clock that runs on the threads which have this.
    sink: Arc<OnceLock<Weak<dyn EventSink>>>,
}

impl TurnEnd {
    /// Says where the server's events go; before there are any.
    pub(super) fn set_sink(&self, sink: &Arc<dyn EventSink>) {
        self.sink.get_or_init(|| Arc::downgrade(sink));
    }

    /// This thread is about to rest.
    pub(super) fn reached(&self) {
        if let Some(sink) = self.sink.get().and_then(Weak::upgrade) {
            ring(&*sink);
        }
    }
}

/// A wake-up of a connection has ended: the host is woken now or at the end of the turn.
pub(super) fn end_wakeup(sink: &dyn EventSink) {
    let wakeups = WAKEUPS.get() + 1;
    if wakeups >= LONGEST {
        return ring(sink);
    }
    WAKEUPS.set(wakeups);
}

fn ring(sink: &dyn EventSink) {
    WAKEUPS.set(0);
    sink.ring();
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Poll};
    use std::time::Instant;

    use super::*;
    use crate::socketio::{Event, Socket};

    #[derive(Debug, Default)]
    struct Rings(AtomicUsize);

    impl EventSink for Rings {
        fn deliver(&self, _: &Event<'_>, _: Option<Instant>) {}
        fn ring(&self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
        fn poll_ready(&self, _: Option<&Arc<Socket>>, _: &mut Context<'_>) -> Poll<()> {
            Poll::Ready(())
        }
    }

    #[test]
    fn the_host_is_woken_at_the_end_of_a_turn_and_within_a_long_one() {
        let rings = Arc::new(Rings::default());
        let count = || rings.0.load(Ordering::SeqCst);
        let turn_end = TurnEnd::default();
        turn_end.reached();
        let sink: Arc<dyn EventSink> = Arc::<Rings>::clone(&rings);
        turn_end.set_sink(&sink);

        for _ in 1..LONGEST {
            end_wakeup(&*sink);
        }
        assert_eq!(count(), 0, "more may come in this turn");
        turn_end.reached();
        assert_eq!(count(), 1);

        for _ in 0..2 * LONGEST {
            end_wakeup(&*sink);
        }
        assert_eq!(count(), 3, "the next turn counts from its beginning");
    }
}
