//! The heartbeat: when to ping, and until when to wait for a sign of life.
//!
//! The server pings `ping_interval` after the open packet and after every pong. Any byte of the client is life, so that
//! a large upload is not cut off because its pong queues behind it: the session is dead `ping_interval + ping_timeout`
//! after the last byte. If our own thread comes too late to ping in time (inline host code blocked it, the machine was
//! asleep), the client still has `ping_timeout` from the ping on. While the server itself does not read (its host is busy) silence proves nothing, and the
//! deadline stands still; but the client, too, waits for signs of life, so it is pinged in every interval all the same.

use std::time::{Duration, Instant};

/// What is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Nothing yet.
    Nothing,
    /// Send a ping.
    Ping,
    /// The client is dead.
    Dead,
}

/// See the module's documentation.
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
    /// A heartbeat that begins now.
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

    /// Bytes came in, or went out that had been stuck.
    pub fn handle_life(&mut self, now: Instant) {
        // A request counts from its arrival, and may be looked at after younger bytes.
        self.last_life = self.last_life.max(now);
    }

    /// A pong came in; how long it took, if a ping was under way.
    pub fn handle_pong(&mut self, now: Instant) -> Option<Duration> {
        self.last_life = now;
        let pinged = self.pinged_at.take()?;
        self.next_ping = Some(now + self.interval);
        Some(now.saturating_duration_since(pinged))
    }

    /// The server stops reading the client's bytes, or reads them again.
    pub fn set_reading(&mut self, reading: bool, now: Instant) {
        if reading && !self.reading {
            self.last_life = now;
            if self.pinged_at.is_some() {
                // The pong may lie among what was not read.
                self.next_ping = None;
            }
        } else if let (false, None, Some(pinged)) = (reading, self.next_ping, self.pinged_at) {
            self.next_ping = Some(pinged + self.interval);
        }
        self.reading = reading;
    }

    /// What is due now. A ping is due once, and once an interval while nobody reads.
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

    /// When to poll again.
    pub fn deadline(&self) -> Option<Instant> {
        match (self.dead_at(), self.next_ping) {
            (Some(dead), Some(ping)) => Some(dead.min(ping)),
            (dead, ping) => dead.or(ping),
        }
    }

    /// When the client is dead, if it says nothing more; never before it was asked.
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
        // We come so late that its time would be over, but it has been sent nothing.
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
            "a pong that nobody asked for is only life"
        );
    }

    #[test]
    fn any_byte_moves_the_deadline() {
        let t = start();
        let mut heartbeat = Heartbeat::new(INTERVAL, TIMEOUT, t);
        heartbeat.handle_life(t + Duration::from_secs(40));
        assert_eq!(heartbeat.poll(t + INTERVAL + TIMEOUT), Due::Ping);
        assert_eq!(
            heartbeat.deadline(),
            Some(t + Duration::from_secs(40) + INTERVAL + TIMEOUT)
        );
    }

    #[test]
    fn silence_proves_nothing_while_nobody_reads() {
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
    fn the_client_hears_of_us_while_nobody_reads() {
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
