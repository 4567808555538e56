//! Deadlines, the driver's timer, and the end of the task.

use std::future::Future;
use std::task::Context;
use std::time::Instant;

use tokio::task::coop::has_budget_remaining;

use crate::cause::Cause;
use crate::engineio::TransportKind;
use crate::server::clock::now;
use crate::server::driver::Driver;
use crate::server::driver::progress::DROPPED_INTERVAL;

/// The time of a wake-up, read from the clock on first use: most wake-ups that only send do not need it.
#[derive(Debug, Default)]
pub(super) struct Clock(Option<Instant>);

impl Clock {
    pub(super) fn now(&mut self) -> Instant {
        *self.0.get_or_insert_with(now)
    }
}

impl Driver {
    pub(super) fn check_time(&mut self, now: Instant) {
        if self
            .session
            .poll_timeout()
            .is_some_and(|deadline| deadline <= now)
        {
            let upgrade = self.session.upgrade_deadline();
            if upgrade.is_some_and(|deadline| deadline <= now) {
                self.shared.stats.deadline_upgrade_total.add(1);
                self.log_late_upgrade();
            }
            self.session.handle_timeout(now);
            self.handle.link.mailbox.release();
        }
        if self
            .layer
            .poll_timeout()
            .is_some_and(|deadline| deadline <= now)
        {
            let flow = self.layer.handle_timeout(now);
            self.follow(flow, now);
        }
        if take_due(&mut self.deadlines.connect, now) && !self.layer.has_joined() {
            self.shared.stats.deadline_connect_total.add(1);
            self.blame(Cause::deadline(
                "connectTimeout",
                self.shared.config.connect_timeout,
                "the client joined no namespace in time",
            ));
            self.close_client(now);
        }
        if !self.flags.paused && take_due(&mut self.deadlines.message, now) {
            self.shared.stats.deadline_message_total.add(1);
            self.blame(Cause::deadline(
                "engine.messageTimeout",
                self.shared.config.message_timeout,
                "a message was not finished in time",
            ));
            self.session.handle_error(TransportKind::WebSocket);
        }
        if take_due(&mut self.deadlines.dropped, now) {
            // Set again for as long as messages are dropped.
            self.tell_dropped(now);
            if self.handle.link.mailbox.was_refused() {
                self.deadlines.dropped = Some(now + DROPPED_INTERVAL);
            }
        }
        self.check_progress(now);
    }

    /// Whether the session has ended and its transport is closed. If so, ends the task.
    pub(super) fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        if !self.flags.ended {
            return false;
        }
        let late = self.deadlines.linger.is_some_and(|linger| linger <= now());
        let over = match &mut self.websocket {
            Some(websocket) if websocket.is_done() || late || self.handle.is_aborted() => {
                if late {
                    self.shared.stats.deadline_close_total.add(1);
                }
                websocket.shutdown(cx);
                true
            }
            Some(_) => false,
            None => true,
        };
        if over {
            if late && self.websocket.is_some() {
                self.log_close_timeout();
            }
            self.end();
        }
        over
    }

    /// The last step of a driver.
    pub(super) fn end(&mut self) {
        if self.flags.lingering {
            self.shared.sessions.remove_ending(&self.handle.id);
        }
        self.shared.handle_session_end();
    }

    /// Sets the timer and registers for wake-ups. Returns false if there is something to do already.
    pub(super) fn rest(&mut self, cx: &mut Context<'_>) -> bool {
        let mut next = earlier(self.session.poll_timeout(), self.layer.poll_timeout());
        next = earlier(next, self.deadlines.connect);
        if !self.flags.paused {
            // A client that is not read cannot finish its message.
            next = earlier(next, self.deadlines.message);
        }
        next = earlier(next, self.deadlines.linger);
        next = earlier(next, self.deadlines.dropped);
        next = earlier(next, self.progress_deadline());
        if let Some(next) = next {
            // A timer that fires too early costs less than moving it with every message.
            let set = self.sleep.deadline().into_std();
            if next < set || !self.flags.timer_set || self.sleep.is_elapsed() {
                self.flags.timer_set = true;
                self.sleep.as_mut().reset(next.into());
                if self.sleep.as_mut().poll(cx).is_ready() {
                    return false;
                }
                // Without budget tokio did not register the timer; the task is polled again at once.
                self.flags.timer_set = has_budget_remaining();
            }
        }
        if self.flags.ended && !std::mem::replace(&mut self.flags.lingering, true) {
            self.shared.sessions.add_ending(&self.handle);
        }
        if !self.flags.settled && self.layer.has_joined() {
            // Most clients are silent for a while after the messages that greet them.
            self.flags.settled = true;
            self.handle.link.mailbox.release();
        }
        // Requests that arrived before the mailbox was armed are seen by the second check.
        let sleeps = self.opening.is_some() || self.handle.link.mailbox.sleep(cx.waker());
        sleeps && !self.handle.has_notes()
    }
}

pub(super) fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

fn take_due(deadline: &mut Option<Instant>, now: Instant) -> bool {
    let due = deadline.is_some_and(|deadline| deadline <= now);
    if due {
        *deadline = None;
    }
    due
}
