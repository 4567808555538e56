//! A turn of an engine thread: all that it deals with between two rests. The host is woken once for what came in for it
//! in a turn, not once for each connection: on a busy machine that is the larger part of what a wake-up costs.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, OnceLock, Weak};

use crate::socketio::event::EventSink;

/// After so many rounds of connections the host is woken in the middle of a turn: it may have a core of its own, and a
/// busy thread does not rest.
const LONGEST: u64 = 32;
/// So many bytes of messages keep a thread busy about as long as one more round.
const BYTES: u64 = 4096;

thread_local! {
    /// Rounds that ended without waking the host, and what the bytes in them count as.
    static ROUNDS: Cell<u64> = const { Cell::new(0) };
}

/// The end of every turn of a server's threads.
#[derive(Debug, Clone, Default)]
pub(super) struct TurnEnd {
    /// Weak, because a sink has a timer, the timer has the threads, and the threads have this.
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
            // A host's bell that panics must not take the thread along.
            let _ = catch_unwind(AssertUnwindSafe(|| ring(&*sink)));
        }
    }
}

/// A connection has gone through its steps once, and has received so many bytes: the host is woken now or at the end of
/// the turn. Whatever else keeps a thread busy has to call this too, or a host could sleep beside a waiting event.
pub(super) fn end_round(sink: &dyn EventSink, received: u64) {
    let rounds = ROUNDS.get() + 1 + received / BYTES;
    if rounds >= LONGEST {
        return ring(sink);
    }
    ROUNDS.set(rounds);
}

/// The same for what has no steps of its own: each of its wake-ups is one round.
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
