//! The heartbeat: when to send a ping, and when a silent client counts as dead.
//!
//! The server sends a ping `ping_interval` after the open packet and after every pong. The session ends
//! `ping_interval + ping_timeout` after the last byte from the client. Any byte counts, so that a large upload is not cut
//! off because the pong is queued after it. If the server's thread sends the ping late (inline host code blocked it, or the machine
//! was asleep), the client still has `ping_timeout` after the ping. While the server does not read, because its host is
//! busy, the deadline is suspended; the client also expects pings, so a ping is sent in every interval.

use std::time::{Duration, Instant};

/// What the session has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Nothing.
    Nothing,
    /// Send a ping.
    Ping,
    /// End the session: the client has sent nothing in time.
    Dead,
}

/// The deadlines of one session.
#[derive(Debug)]
pub struct Heartbeat {
    interval: Duration,
    timeout: Duration,
    last_life: Instant,
    next_ping: Option<Instant>,
    pinged_at: Option<Instant>,
    reading: bool,
}

impl Heartbeat {
    /// A heartbeat that begins at `now`.
    pub fn new(interval: Duration, timeout: Duration, now: Instant) -> Self {
        Self {
            interval,
            timeout,
            last_life: now,
            next_ping: Some(now + interval),
            pinged_at: None,
            reading: true,
        }
    }

    /// Notes that bytes have arrived, or that queued bytes have been sent.
    pub fn handle_activity(&mut self, now: Instant) {
        // A request counts from its arrival, and may be handled after bytes that arrived later.
        self.last_life = self.last_life.max(now);
    }

    /// Notes a pong. Returns the time since the ping, if one was sent.
    pub fn handle_pong(&mut self, now: Instant) -> Option<Duration> {
        self.last_life = now;
        let pinged = self.pinged_at.take()?;
        self.next_ping = Some(now + self.interval);
        Some(now.saturating_duration_since(pinged))
    }

    /// Notes that the server stops or resumes reading.
    pub fn set_reading(&mut self, reading: bool, now: Instant) {
        if reading && !self.reading {
            self.last_life = now;
            if self.pinged_at.is_some() {
                // The pong may be among the bytes that were not read.
                self.next_ping = None;
            }
        } else if let (false, None, Some(pinged)) = (reading, self.next_ping, self.pinged_at) {
            self.next_ping = Some(pinged + self.interval);
        }
        self.reading = reading;
    }

    /// What to do at `now`. Each ping is returned once; while the server does not read, one in every interval.
    pub fn poll(&mut self, now: Instant) -> Due {
        if self.dead_at().is_some_and(|at| now >= at) {
            return Due::Dead;
        }
        match self.next_ping {
            Some(at) if now >= at => {
                self.next_ping = (!self.reading).then(|| now + self.interval);
                self.pinged_at.get_or_insert(now);
                Due::Ping
            }
            _ => Due::Nothing,
        }
    }

    /// When to call [`Heartbeat::poll`] again.
    pub fn deadline(&self) -> Option<Instant> {
        match (self.dead_at(), self.next_ping) {
            (Some(dead), Some(ping)) => Some(dead.min(ping)),
            (dead, ping) => dead.or(ping),
        }
    }

    /// When the session ends if no more bytes arrive. Not before a ping was sent.
    fn dead_at(&self) -> Option<Instant> {
        let pinged = self.pinged_at.filter(|_| self.reading)?;
        Some((self.last_life + self.interval).max(pinged) + self.timeout)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(25);
    const TIMEOUT: Duration = Duration::from_secs(20);

    #[expect(clippy::disallowed_methods, reason = "a test needs some first moment")]
    fn start() -> Instant {
        Instant::now()
    }

    #[test]
    fn a_silent_client_is_pinged_and_then_dead() {
        let t = start();
        let mut heartbeat = Heartbeat::new(INTERVAL, TIMEOUT, t);
        assert_eq!(heartbeat.deadline(), Some(t + INTERVAL));
        assert_eq!(heartbeat.poll(t + INTERVAL), Due::Ping);
        assert_eq!(heartbeat.deadline(), Some(t + INTERVAL + TIMEOUT));
        assert_eq!(
            heartbeat.poll(t + INTERVAL + TIMEOUT - Duration::from_millis(1)),
            Due::Nothing
        );
        assert_eq!(heartbeat.poll(t + INTERVAL + TIMEOUT), Due::Dead);
    }

    #[test]
    fn a_client_is_asked_before_it_is_dead() {
        let t = start();
        let mut heartbeat = Heartbeat::new(INTERVAL, TIMEOUT, t);
        // The poll is later than the deadline, but no ping has been sent.
        let late = t + INTERVAL + TIMEOUT * 3;
        assert_eq!(heartbeat.poll(late), Due::Ping);
        assert_eq!(heartbeat.poll(late), Due::Nothing);
        assert_eq!(heartbeat.deadline(), Some(late + TIMEOUT));
        assert_eq!(
            heartbeat.poll(late + TIMEOUT - Duration::from_millis(1)),
            Due::Nothing
        );
        assert_eq!(heartbeat.poll(late + TIMEOUT), Due::Dead);
    }

    #[test]
    fn a_pong_starts_the_next_interval() {
        let t = start();
        let mut heartbeat = Heartbeat::new(INTERVAL, TIMEOUT, t);
        assert_eq!(heartbeat.poll(t + INTERVAL), Due::Ping);
        let pong = t + INTERVAL + Duration::from_millis(30);
        assert_eq!(heartbeat.handle_pong(pong), Some(Duration::from_millis(30)));
        assert_eq!(heartbeat.deadline(), Some(pong + INTERVAL));
        assert_eq!(
            heartbeat.handle_pong(pong),
            None,
            "a pong without a ping counts as any other bytes"
        );
    }

    #[test]
    fn any_byte_moves_the_deadline() {
        let t = start();
        let mut heartbeat = Heartbeat::new(INTERVAL, TIMEOUT, t);
        heartbeat.handle_activity(t + Duration::from_secs(40));
        assert_eq!(heartbeat.poll(t + INTERVAL + TIMEOUT), Due::Ping);
        assert_eq!(
            heartbeat.deadline(),
            Some(t + Duration::from_secs(40) + INTERVAL + TIMEOUT)
        );
    }

    #[test]
    fn silence_does_not_count_while_the_server_does_not_read() {
        let t = start();
        let mut heartbeat = Heartbeat::new(INTERVAL, TIMEOUT, t);
        heartbeat.set_reading(false, t);
        assert_eq!(heartbeat.poll(t + INTERVAL * 10), Due::Ping);
        assert_eq!(heartbeat.deadline(), Some(t + INTERVAL * 11));
        heartbeat.set_reading(true, t + INTERVAL * 11);
        assert_eq!(
            heartbeat.deadline(),
            Some(t + INTERVAL * 11 + INTERVAL + TIMEOUT)
        );
        assert_eq!(heartbeat.handle_pong(t + INTERVAL * 11), Some(INTERVAL));
        assert_eq!(heartbeat.deadline(), Some(t + INTERVAL * 12));
    }

    #[test]
    fn pings_are_sent_while_the_server_does_not_read() {
        let t = start();
        let mut heartbeat = Heartbeat::new(INTERVAL, TIMEOUT, t);
        assert_eq!(heartbeat.poll(t + INTERVAL), Due::Ping);
        heartbeat.set_reading(false, t + INTERVAL);
        for interval in 2..5 {
            assert_eq!(heartbeat.deadline(), Some(t + INTERVAL * interval));
            assert_eq!(heartbeat.poll(t + INTERVAL * interval), Due::Ping);
        }
        heartbeat.set_reading(true, t + INTERVAL * 4);
        assert_eq!(
            heartbeat.poll(t + INTERVAL * 5),
            Due::Nothing,
            "a pong is under way"
        );
    }
}
