//! What happens to a client that does not take what waits for it: the driver stops reading it, refuses messages beyond
//! the limit, and finally disconnects it.

use std::task::Context;
use std::time::{Duration, Instant};

use crate::cause::Cause;
use crate::engineio::{CloseReason, TransportKind};
use crate::server::driver::Driver;
use crate::server::driver::time::{Clock, earlier};
use crate::socketio::event::Hook;

/// How often the host is told the number of dropped messages.
pub(super) const DROPPED_INTERVAL: Duration = Duration::from_secs(1);

impl Driver {
    /// The memory that waiting messages take, in bytes, without those in the mailbox.
    fn waiting_cost(&self) -> usize {
        match &self.websocket {
            Some(websocket) => websocket.unsent_cost(),
            None => self.session.buffered_cost(),
        }
    }

    fn is_choked(&self) -> bool {
        self.waiting_cost() > self.shared.config.send_buffer_high
    }

    /// Whether more waits for the client than `sendBufferHigh`. Such a client is not read, because the answers to what it
    /// sends would have to wait too.
    pub(super) fn check_choked(&mut self) -> bool {
        let choked = self.is_choked();
        if choked && !self.flags.choked {
            self.shared.stats.send_buffer_paused_total.add(1);
        }
        self.flags.choked = choked;
        choked
    }

    /// Resumes reading if the client has taken enough, or the packet middleware has decided enough. Returns whether it did.
    pub(super) fn resume(&mut self, cx: &mut Context<'_>, clock: &mut Clock) -> bool {
        let resumes = (self.flags.choked && !self.is_choked())
            || (self.flags.behind && !self.layer.is_behind());
        if resumes {
            self.expect_input();
            self.may_read(cx, clock);
        }
        resumes
    }

    /// Records the outcome of a write: `waiting` bytes are left, and `moved` tells whether the client took any.
    pub(super) fn note_progress(&mut self, waiting: usize, moved: bool, clock: &mut Clock) {
        if waiting == 0 {
            if self.progress.take().is_some() {
                self.handle.link.set_stalled(false);
            }
        } else if (moved || self.progress.is_none()) && !self.flags.ended {
            self.progress = Some(clock.now());
            self.handle.link.set_stalled(false);
        }
    }

    /// When [`Driver::check_progress`] has something to do.
    pub(super) fn progress_deadline(&self) -> Option<Instant> {
        let since = self.progress?;
        let config = &self.shared.config;
        let stalls = !self.handle.link.is_stalled() && self.is_choked();
        earlier(
            Some(since + config.progress_timeout()),
            stalls.then(|| since + config.send_buffer_grace),
        )
    }

    /// Handles a client that has taken nothing for a while: marks it as stalled after `sendBufferGrace`, and ends its session
    /// after `sendTimeout`. A write is attempted first: the kernel may have room that it
    /// has not reported, because there is little of it or because the process has not run.
    pub(super) fn check_progress(&mut self, now: Instant) {
        let is_due = self.progress_deadline().is_some_and(|at| at <= now);
        if !is_due || self.has_room(now) {
            return;
        }
        let Some(since) = self.progress else {
            return;
        };
        let config = &self.shared.config;
        let timeout = config.progress_timeout();
        if now < since + timeout {
            if now >= since + config.send_buffer_grace && self.is_choked() {
                self.handle.link.set_stalled(true);
            }
            return;
        }
        self.progress = None;
        self.shared.stats.deadline_send_total.add(1);
        self.handle.link.blame(Cause::deadline(
            "engine.sendTimeout",
            timeout,
            "the client took nothing of what waited for it",
        ));
        self.give_up(CloseReason::TransportError);
    }

    /// Whether the client's WebSocket takes some of what waits for it.
    fn has_room(&mut self, now: Instant) -> bool {
        let Some(websocket) = &mut self.websocket else {
            return false;
        };
        if websocket.flush_now().progress == 0 {
            return false;
        }
        let unsent = websocket.unsent_cost();
        let link = &self.handle.link;
        link.mailbox.set_backlog(unsent);
        link.set_stalled(false);
        self.progress = (unsent > 0).then_some(now);
        self.session.handle_activity(now);
        true
    }

    /// Ends the session of a client that takes nothing, and drops what waits for it.
    pub(super) fn give_up(&mut self, reason: CloseReason) {
        if let Some(websocket) = &mut self.websocket {
            websocket.handle_broken();
        }
        self.session.abort(reason);
    }

    /// Tells the host how many messages for the client have been dropped since the last time.
    pub(super) fn tell_dropped(&self, now: Instant) {
        if !self.shared.context.hooks.has(Hook::Dropped) {
            return;
        }
        for socket in self.layer.sockets() {
            self.shared.context.tell_dropped(&socket, now);
        }
    }

    /// How long the client has to answer a close frame.
    pub(super) fn close_handshake_timeout(&self, reason: CloseReason) -> Duration {
        let config = &self.shared.config;
        let violated = self.flags.violated
            || reason == CloseReason::ParseError
            || self
                .websocket
                .as_ref()
                .is_some_and(|websocket| websocket.is_refused());
        if violated && self.session.transport() == TransportKind::WebSocket {
            config.error_close_timeout.min(config.close_timeout)
        } else {
            config.close_timeout
        }
    }

    /// Counts bytes that were read after the session's end. Returns whether the client has sent so much that the driver no
    /// longer waits for its close frame.
    pub(super) fn is_too_much(&mut self, read: usize) -> bool {
        if !self.flags.ended {
            return false;
        }
        self.close_handshake_left = self.close_handshake_left.saturating_sub(read);
        if self.close_handshake_left == 0
            && let Some(websocket) = &mut self.websocket
        {
            websocket.handle_broken();
        }
        self.close_handshake_left == 0
    }
}
