//! The time before a session has joined its first namespace: its input is handled in the order in which it came in,
//! relative to other such sessions, so that the host hears of clients in their order.
//!
//! Input here is what may hold a CONNECT packet, and the host's decision about one. Guarantees and limits are in
//! `server/arrivals.rs`. After the first join nothing of this is left.

use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};

use crate::server::arrivals::{Arrival, PATIENCE};
use crate::server::clock::now;
use crate::server::driver::Driver;

#[derive(Debug)]
pub(super) struct Opening {
    pub(super) arrival: Arc<Arrival>,
    /// The task that had the oldest number when the driver's timer was set for the end of [`PATIENCE`].
    waits_for: Option<u64>,
}

/// Whether a driver may handle its input.
#[derive(Debug)]
pub(super) enum Turn {
    /// The session has joined: at any time.
    Any,
    /// Now. To wait for more input, this waker has to be used.
    Now(Waker),
    /// Not in this poll. The task is woken for the input that is left.
    Later,
}

impl Driver {
    /// Orders the session among others until it has joined a namespace. To be called before the driver is polled.
    pub(in crate::server) fn join_in_order(&mut self, arrival: Arc<Arrival>) {
        if let Some(websocket) = &self.websocket {
            let waker = Waker::from(Arc::clone(&arrival));
            // Bytes that come later take their number when the kernel reports them.
            if websocket.reader.is_mid_message()
                || !websocket.is_quiet(&mut Context::from_waker(&waker))
            {
                waker.wake();
            }
        }
        self.opening = Some(Box::new(Opening {
            arrival,
            waits_for: None,
        }));
    }

    /// Whether the input that there is may be handled in this poll.
    pub(super) fn turn_for_input(&mut self, cx: &mut Context<'_>) -> Turn {
        let Some(opening) = &self.opening else {
            return Turn::Any;
        };
        if opening.arrival.covers_input() && self.is_first(cx) {
            return self.arrival_waker().map_or(Turn::Any, Turn::Now);
        }
        Turn::Later
    }

    /// Whether the host's decisions may be handled in this poll.
    pub(super) fn has_turn_for_mailbox(&mut self, cx: &mut Context<'_>) -> bool {
        self.opening.is_none() || self.is_first(cx)
    }

    /// Whether no other session has an older number. If one has, the task is woken when that changes, or when
    /// [`PATIENCE`] has passed without any progress.
    fn is_first(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(opening) = &mut self.opening else {
            return true;
        };
        loop {
            let Err(oldest) = opening.arrival.check_turn(cx) else {
                opening.waits_for = None;
                return true;
            };
            if opening.waits_for != Some(oldest) {
                opening.waits_for = Some(oldest);
                self.sleep.as_mut().reset((now() + PATIENCE).into());
                self.flags.timer_set = false;
            }
            if self.sleep.as_mut().poll(cx).is_pending() {
                return false;
            }
            opening.arrival.give_up_on(oldest);
        }
    }

    /// Whether this poll has left input for a later one, for which the task is woken.
    pub(super) fn has_left_input(&self) -> bool {
        let opening = self.opening.as_ref();
        opening.is_some_and(|opening| opening.arrival.has_more())
    }

    /// What input is waited for with, while it takes numbers.
    pub(super) fn arrival_waker(&self) -> Option<Waker> {
        let opening = self.opening.as_ref()?;
        Some(Waker::from(Arc::clone(&opening.arrival)))
    }

    /// Input that was left unread may be handled now: it takes a number.
    pub(super) fn expect_input(&self) {
        if let Some(opening) = &self.opening {
            opening.arrival.wake_by_ref();
        }
    }

    /// The session has joined its first namespace, or has ended: its input waits for no other session any more.
    pub(super) fn end_opening(&mut self) {
        if let Some(opening) = self.opening.take() {
            self.handle.forget_arrival();
            opening.arrival.end();
        }
    }
}
