//! Counters and gauges, read without a lock. One table defines them.

use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use crate::sync::atomic::AtomicU64;

/// A counter or gauge. Drivers add to it once for each wake-up, not once for each message.
#[derive(Debug, Default)]
pub struct Stat(AtomicI64);

impl Stat {
    /// Adds `n`, which may be negative.
    pub fn add(&self, n: i64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// Adds one, and returns the new value.
    pub fn count(&self) -> i64 {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// The current value.
    pub fn value(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }

    fn set(&self, value: i64) {
        self.0.store(value, Ordering::Relaxed);
    }
}

/// The number of waiting events and of their bytes, in one word, so that both change in one atomic operation.
#[derive(Debug, Default)]
pub struct Load(AtomicU64);

/// The number of lower bits that count bytes: up to 64 GiB.
const BYTES_BITS: u32 = 36;

/// The value of a [`Load`].
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Amount {
    /// Events.
    pub events: usize,
    /// Bytes of these events.
    pub bytes: usize,
}

impl Amount {
    /// One event of this many bytes.
    pub fn one(bytes: usize) -> Self {
        Self { events: 1, bytes }
    }

    /// Whether both numbers are 0.
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }

    /// Whether both numbers are below those of `limit`.
    pub fn is_below(self, limit: Self) -> bool {
        self.events < limit.events && self.bytes < limit.bytes
    }

    /// Whether neither number is above that of `limit`.
    pub fn is_within(self, limit: Self) -> bool {
        self.events <= limit.events && self.bytes <= limit.bytes
    }

    fn to_word(self) -> u64 {
        (self.events as u64) << BYTES_BITS | self.bytes as u64
    }

    fn from_word(word: u64) -> Self {
        Self {
            events: (word >> BYTES_BITS) as usize,
            bytes: (word & ((1 << BYTES_BITS) - 1)) as usize,
        }
    }
}

impl std::ops::AddAssign for Amount {
    fn add_assign(&mut self, more: Self) {
        self.events += more.events;
        self.bytes += more.bytes;
    }
}

impl Load {
    /// Adds `amount`, and returns the sum.
    pub fn add(&self, amount: Amount) -> Amount {
        let word = amount.to_word();
        Amount::from_word(self.0.fetch_add(word, Ordering::SeqCst).wrapping_add(word))
    }

    /// Subtracts `amount`, and returns the rest.
    pub fn remove(&self, amount: Amount) -> Amount {
        let word = amount.to_word();
        Amount::from_word(self.0.fetch_sub(word, Ordering::SeqCst).wrapping_sub(word))
    }

    /// The current amount, for a thread that has just stored a request to be woken. Threads that remove something after
    /// this call see that request: a read-modify-write orders both.
    pub fn now_after_note(&self) -> Amount {
        Amount::from_word(self.0.fetch_add(0, Ordering::SeqCst))
    }

    /// The current amount.
    pub fn now(&self) -> Amount {
        Amount::from_word(self.0.load(Ordering::SeqCst))
    }
}

/// The kind of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatKind {
    /// A number that only grows.
    Counter,
    /// A number that grows and shrinks.
    Gauge,
}

/// How much work the host has not caught up with.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Strain {
    /// How long the oldest waiting event has waited; `None` if none waits.
    pub oldest: Option<Duration>,
    /// Callback threads that are inside a callback.
    pub busy_threads: usize,
}

/// Computes the [`Strain`] when it is read.
#[derive(Default)]
pub struct StrainGauge(OnceLock<Box<dyn Fn() -> Strain + Send + Sync>>);

impl StrainGauge {
    /// Sets the function that computes it. Only the first call has an effect.
    pub fn set(&self, look: impl Fn() -> Strain + Send + Sync + 'static) {
        self.0.get_or_init(|| Box::new(look));
    }

    /// The current strain.
    pub fn now(&self) -> Strain {
        self.0.get().map_or_else(Strain::default, |look| look())
    }
}

impl fmt::Debug for StrainGauge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StrainGauge").field(&self.now()).finish()
    }
}

macro_rules! stats {
    ($($name:ident $kind:ident $help:literal,)+) => {
        /// All numbers of a server.
        #[derive(Debug, Default)]
        pub struct Stats {
            /// The events that wait for the host; the source of `queued_events` and `queued_bytes`.
            pub queued: Load,
            /// The part of `queued` that concerns requests: questions about them, and refusals.
            pub queued_requests: Load,
            /// The source of `oldest_event_ms` and `busy_threads_count`.
            pub strain: StrainGauge,
            $(#[doc = $help] pub $name: Stat,)+
        }

        impl Stats {
            /// The name, kind, meaning and value of every number.
            pub fn all(&self) -> impl Iterator<Item = (&'static str, StatKind, &'static str, i64)> {
                let queued = self.queued.now();
                self.queued_events.set(queued.events as i64);
                self.queued_bytes.set(queued.bytes as i64);
                let strain = self.strain.now();
                self.oldest_event_ms.set(strain.oldest.map_or(0, |age| age.as_millis() as i64));
                self.busy_threads_count.set(strain.busy_threads as i64);
                [$((stringify!($name), StatKind::$kind, $help, self.$name.value()),)+].into_iter()
            }
        }
    };
}

stats! {
    clients_count Gauge "Open Engine.IO sessions.",
    polling_clients_count Gauge "Open sessions on long-polling.",
    sockets_count Gauge "Socket.IO sockets: one for each namespace that a client has joined.",
    rooms_count Gauge "Rooms with members; a socket's own room does not count.",
    pending_acks Gauge "Acknowledgements that clients have not sent yet.",
    partial_packets Gauge "Binary packets that wait for attachments.",
    open_connections_count Gauge "Open TCP and Unix connections, HTTP and WebSocket; maxConnections limits them.",
    http_connections_count Gauge "Open connections that speak HTTP.",
    queued_events Gauge "Events that wait for the host.",
    queued_bytes Gauge "Bytes of events that wait for the host.",
    oldest_event_ms Gauge "Age in milliseconds of the oldest event that waits for the host, or that it is handling.",
    busy_threads_count Gauge "Callback threads that are inside a callback.",
    connections_total Counter "Sessions opened.",
    disconnections_total Counter "Sessions ended.",
    upgrades_total Counter "Sessions upgraded from polling to WebSocket.",
    messages_received_total Counter "Engine.IO messages received.",
    messages_sent_total Counter "Engine.IO messages handed to a transport.",
    bytes_received_total Counter "Bytes of messages received.",
    bytes_sent_total Counter "Bytes of messages handed to a transport.",
    http_requests_total Counter "HTTP requests received.",
    http_errors_total Counter "Requests refused because they violate HTTP.",
    forwarded_errors_total Counter "Requests whose X-Forwarded-For has no address at the position of the trusted proxy.",
    connection_errors_total Counter "Requests refused with one of the six error codes.",
    ping_timeouts_total Counter "Sessions ended because the client sent nothing within pingInterval + pingTimeout.",
    volatile_dropped_total Counter "Volatile messages dropped because the client was not ready.",
    send_buffer_full_total Counter "Messages refused or dropped because a client's send buffer was full.",
    slow_clients_disconnected_total Counter "Clients disconnected because their send buffer was full.",
    questions_withdrawn_total Counter "Questions dropped before the host took them, because the client had left or the deadline had passed.",
    reading_paused_total Counter "Times a client was not read because the host was behind.",
    send_buffer_paused_total Counter "Times a client was not read because too many bytes waited for it.",
    limit_auth_total Counter "Connections to a namespace refused because auth exceeded maxAuthBytes.",
    limit_queue_total Counter "Requests refused, and refusals not reported, because too many events about requests waited for the host.",
    limit_payload_total Counter "Bodies and messages over maxHttpBufferSize.",
    limit_packets_total Counter "Polling payloads with too many packets.",
    limit_fragments_total Counter "WebSocket messages with too many fragments.",
    limit_attachments_total Counter "Packets with too many attachments.",
    limit_depth_total Counter "Packets nested too deeply.",
    limit_namespaces_total Counter "Connections to more namespaces than allowed.",
    limit_acks_total Counter "Emits refused because the client owes too many acknowledgements.",
    limit_unanswered_total Counter "Acknowledgements that the host can no longer send, because it left too many unanswered.",
    limit_connections_total Counter "Connections refused because of maxConnections.",
    accept_errors_total Counter "Connections that the operating system failed to accept.",
    limit_headers_total Counter "Requests whose head exceeded the limit.",
    deadline_header_total Counter "Connections closed because a request head took too long.",
    deadline_body_total Counter "Requests refused because their body took too long.",
    deadline_write_total Counter "Connections closed because the client read nothing of a response within writeTimeout.",
    deadline_connect_total Counter "Connections closed because they joined no namespace in time.",
    deadline_upgrade_total Counter "Upgrades aborted because they took too long.",
    deadline_message_total Counter "Connections closed because a message was not finished in time.",
    deadline_question_total Counter "Questions that the host did not answer in time.",
    deadline_send_total Counter "Connections closed because the client read nothing within sendTimeout.",
    deadline_close_total Counter "Connections closed because the closing handshake took too long.",
    parse_errors_total Counter "Connections closed because of undecodable packets.",
    protocol_violations_total Counter "Connections closed because of packets that the protocol does not allow in that state.",
    panics_total Counter "Bugs caught; each cost one connection.",
}

impl Stats {
    /// The value of the number with this name.
    pub fn get(&self, name: &str) -> Option<i64> {
        self.all()
            .find(|(known, ..)| *known == name)
            .map(|(.., value)| value)
    }

    /// All numbers in the OpenMetrics text format.
    pub fn open_metrics(&self) -> String {
        use std::fmt::Write as _;
        let mut text = String::with_capacity(8192);
        for (name, kind, help, value) in self.all() {
            let (family, kind) = match kind {
                StatKind::Counter => (name.trim_end_matches("_total"), "counter"),
                StatKind::Gauge => (name, "gauge"),
            };
            let _ = writeln!(
                text,
                "# TYPE bellwire_{family} {kind}\n# HELP bellwire_{family} {help}\nbellwire_{name} {value}"
            );
        }
        text.push_str("# EOF\n");
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_can_be_asked_for_and_is_exported() {
        let stats = Stats::default();
        stats.clients_count.add(2);
        stats.connections_total.add(3);
        assert_eq!(
            (stats.get("clients_count"), stats.get("nonsense")),
            (Some(2), None)
        );
        let text = stats.open_metrics();
        assert!(
            text.contains("# TYPE bellwire_connections counter\n")
                && text.contains("\nbellwire_connections_total 3\n")
        );
        assert!(text.ends_with("# EOF\n"));
        for (name, kind, help, _) in stats.all() {
            assert_eq!(
                name.ends_with("_total"),
                kind == StatKind::Counter,
                "{name}"
            );
            assert!(help.ends_with('.'), "{name}");
        }
    }
}
