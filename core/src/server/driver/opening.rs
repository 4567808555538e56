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
use crate::server::driver::{Driver, Waiting};
use crate::socketio::link::Outgoing;

#[derive(Debug)]
pub(super) struct Opening {
    /// Takes numbers for bytes and requests.
    pub(super) input: Arc<Arrival>,
    /// Takes numbers for what is put into the mailbox.
    pub(super) decisions: Arc<Arrival>,
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
        let decisions = Arrival::of_task(&self.shared.joining);
        let waker = Waker::from(Arc::clone(&decisions));
        if !self.handle.link.mailbox.sleep(&waker) {
            waker.wake();
        }
        self.opening = Some(Box::new(Opening {
            input: arrival,
            decisions,
            waits_for: None,
        }));
    }

    /// Whether the available input may be handled in this poll.
    pub(super) fn turn_for_input(&mut self, cx: &mut Context<'_>) -> Turn {
        let Some(opening) = &self.opening else {
            return Turn::Any;
        };
        let input = Arc::clone(&opening.input);
        let has_post = |waiting: &Waiting| waiting.post.is_some();
        let has_source = self.websocket.is_some() || self.probe.is_some();
        if !has_source && !self.waiting.as_deref().is_some_and(has_post) {
            // A waiting GET must not keep a number for the POST that arrives after it.
            input.stop_waiting();
            return Turn::Later;
        }
        if input.covers_input() && self.is_first(&input, cx) {
            return Turn::Now(Waker::from(input));
        }
        Turn::Later
    }

    /// Whether the host's decisions may be handled in this poll.
    pub(super) fn has_turn_for_mailbox(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(opening) = &self.opening else {
            return true;
        };
        let decisions = Arc::clone(&opening.decisions);
        self.layer.has_joined() || (decisions.covers_input() && self.is_first(&decisions, cx))
    }

    /// Moves what is in the mailbox into `items` and `arena`. Returns false if there is nothing.
    pub(super) fn drain_mailbox(&self, items: &mut Vec<Outgoing>, arena: &mut Vec<u8>) -> bool {
        let mailbox = &self.handle.link.mailbox;
        match &self.opening {
            // What is put there during this poll takes a number, and waits for the next poll.
            Some(opening) => {
                let waker = Waker::from(Arc::clone(&opening.decisions));
                mailbox.drain_and_sleep(items, arena, &waker)
            }
            None => mailbox.drain_into(items, arena),
        }
    }

    /// Inline handlers are about to run. Their answers are drained from the mailbox right after them, so that pushes need
    /// not wake the task.
    pub(super) fn stay_awake(&self) {
        if self.opening.is_none() {
            self.handle.link.mailbox.stay_awake();
        }
    }

    /// Whether no other session has an older number than this one has in `arrival`. If one has, the task is woken when
    /// that changes, or when [`MAX_WAIT`] has passed without any progress.
    fn is_first(&mut self, arrival: &Arrival, cx: &mut Context<'_>) -> bool {
        let Some(opening) = &mut self.opening else {
            return true;
        };
        loop {
            let Err(oldest) = arrival.check_turn(cx) else {
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
            arrival.give_up_on(oldest);
        }
    }

    /// Whether this poll leaves input to a later one. The task is woken for that one.
    pub(super) fn has_left_input(&self) -> bool {
        let opening = self.opening.as_ref();
        opening.is_some_and(|opening| opening.input.has_more() || opening.decisions.has_more())
    }

    /// The waker to wait for input with, while input takes numbers.
    pub(super) fn input_waker(&self) -> Option<Waker> {
        let opening = self.opening.as_ref()?;
        Some(Waker::from(Arc::clone(&opening.input)))
    }

    /// Takes a number for input that was left unread and may be handled now.
    pub(super) fn expect_input(&self) {
        if let Some(opening) = &self.opening {
            opening.input.wake_by_ref();
        }
    }

    /// Stops ordering the session among others: it has joined its first namespace, or has ended.
    pub(super) fn end_opening(&mut self) {
        if let Some(opening) = self.opening.take() {
            self.handle.forget_arrival();
            opening.input.end();
            opening.decisions.end();
        }
    }
}
