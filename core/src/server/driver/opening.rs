//! The time before a session has joined its first namespace: its input is handled in the order of arrival relative to
//! other such sessions, so that clients are announced to the host in that order.
//!
//! Input here means bytes that may hold a CONNECT packet, and the host's decision about one. Guarantees and limits are in
//! `server/arrivals.rs`. After the first join the session has no such state.

use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};

use crate::server::arrivals::{Arrival, MAX_WAIT};
use crate::server::clock::now;
use crate::server::driver::Driver;

#[derive(Debug)]
pub(super) struct Opening {
    pub(super) arrival: Arc<Arrival>,
    /// The task that had the oldest number when the driver's timer was set for the end of [`MAX_WAIT`].
    waits_for: Option<u64>,
}

/// Whether a driver may handle its input.
#[derive(Debug)]
pub(super) enum Turn {
    /// Yes, at any time: the session has joined a namespace.
    Any,
    /// Yes, in this poll. More input has to be waited for with this waker.
    Now(Waker),
    /// Not in this poll. The task is woken for the input that remains.
    Later,
}

impl Driver {
    /// Orders the session among others until it has joined a namespace. To be called before the driver is polled.
    pub(in crate::server) fn join_in_order(&mut self, arrival: Arc<Arrival>) {
        if let Some(websocket) = &self.websocket {
            let waker = Waker::from(Arc::clone(&arrival));
            // Bytes that arrive later take their number when the kernel reports them.
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

    /// Whether the available input may be handled in this poll.
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
    /// [`MAX_WAIT`] has passed without any progress.
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
                self.sleep.as_mut().reset((now() + MAX_WAIT).into());
                self.flags.timer_set = false;
            }
            if self.sleep.as_mut().poll(cx).is_pending() {
                return false;
            }
            opening.arrival.give_up_on(oldest);
        }
    }

    /// Whether this poll leaves input to a later one. The task is woken for that one.
    pub(super) fn has_left_input(&self) -> bool {
        let opening = self.opening.as_ref();
        opening.is_some_and(|opening| opening.arrival.has_more())
    }

    /// The waker to wait for input with, while input takes numbers.
    pub(super) fn arrival_waker(&self) -> Option<Waker> {
        let opening = self.opening.as_ref()?;
        Some(Waker::from(Arc::clone(&opening.arrival)))
    }

    /// Takes a number for input that was left unread and may be handled now.
    pub(super) fn expect_input(&self) {
        if let Some(opening) = &self.opening {
            opening.arrival.wake_by_ref();
        }
    }

    /// Stops ordering the session among others: it has joined its first namespace, or has ended.
    pub(super) fn end_opening(&mut self) {
        if let Some(opening) = self.opening.take() {
            self.handle.forget_arrival();
            opening.arrival.end();
        }
    }
}
