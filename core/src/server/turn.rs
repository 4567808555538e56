//! A turn of an engine thread: everything it does between two waits for I/O. The host is woken once for all events of a
//! turn, not once for each connection: on a busy machine, waking the host costs more than the rest of a wake-up.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, OnceLock, Weak};

use crate::socketio::event::EventSink;

/// After this many rounds the host is woken within a turn: it may have a core of its own, and the turn of a busy thread
/// may not end.
const LONGEST: u64 = 32;
/// This many bytes of messages count as one more round, because they take about as long.
const BYTES: u64 = 4096;

thread_local! {
    /// Rounds since the host was last woken, including those that bytes count as.
    static ROUNDS: Cell<u64> = const { Cell::new(0) };
}

/// Wakes the host at the end of every turn of a server's threads.
#[derive(Debug, Clone, Default)]
pub(super) struct TurnEnd {
    /// Weak, because a sink owns a timer, the timer owns the threads, and the threads own this.
    sink: Arc<OnceLock<Weak<dyn EventSink>>>,
}

impl TurnEnd {
    /// Sets the sink of the server's events. To be called before the first event.
    pub(super) fn set_sink(&self, sink: &Arc<dyn EventSink>) {
        self.sink.get_or_init(|| Arc::downgrade(sink));
    }

    /// Called when the thread is about to wait for I/O.
    pub(super) fn reached(&self) {
        if let Some(sink) = self.sink.get().and_then(Weak::upgrade) {
            // A panic in the host's bell must not end the thread.
            let _ = catch_unwind(AssertUnwindSafe(|| ring(&*sink)));
        }
    }
}

/// Ends one round of a connection in which it received `received` bytes: the host is woken now or at the end of the
/// turn. Every other kind of task has to call this too; otherwise the host could sleep although an event waits.
pub(super) fn end_round(sink: &dyn EventSink, received: u64) {
    let rounds = ROUNDS.get() + 1 + received / BYTES;
    if rounds >= LONGEST {
        return ring(sink);
    }
    ROUNDS.set(rounds);
}

/// Runs a future that has no rounds of its own: each of its polls counts as one.
pub(super) async fn in_rounds<F: Future>(
    mut future: Pin<&mut F>,
    sink: &dyn EventSink,
) -> F::Output {
    poll_fn(|cx| {
        let poll = future.as_mut().poll(cx);
        end_round(sink, 0);
        poll
    })
    .await
}

fn ring(sink: &dyn EventSink) {
    ROUNDS.set(0);
    sink.ring();
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Poll};

    use super::*;
    use crate::socketio::{Backlog, Event};

    #[derive(Debug, Default)]
    struct Rings(AtomicUsize);

    impl EventSink for Rings {
        fn deliver(&self, _: &Event<'_>) {}
        fn ring(&self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
        fn poll_ready(&self, _: &Arc<Backlog>, _: &mut Context<'_>) -> Poll<()> {
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
            end_round(&*sink, 0);
        }
        assert_eq!(count(), 0, "more may come in this turn");
        turn_end.reached();
        assert_eq!(count(), 1);

        for _ in 0..2 * LONGEST {
            end_round(&*sink, 0);
        }
        assert_eq!(count(), 3, "the next turn counts from its beginning");
        end_round(&*sink, LONGEST * BYTES);
        assert_eq!(count(), 4, "a large message takes as long as many rounds");
    }
}
