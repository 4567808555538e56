//! Counters and gauges, read without a lock. One table names them all.

use std::sync::atomic::{AtomicI64, Ordering};

/// One number. Drivers add to it once for each wake-up, not once for each message.
#[derive(Debug, Default)]
pub struct Stat(AtomicI64);

impl Stat {
    /// Adds, or with a negative number takes away.
    pub fn add(&self, n: i64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// Adds one; the number then.
    pub fn count(&self) -> i64 {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// The number now.
    pub fn value(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Whether a number only grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatKind {
    /// It only grows.
    Counter,
    /// How many there are now.
    Gauge,
}

macro_rules! stats {
    ($($name:ident $kind:ident $help:literal,)+) => {
        /// All numbers of a server.
        #[derive(Debug, Default)]
        pub struct Stats { $(#[doc = $help] pub $name: Stat,)+ }

        impl Stats {
            /// Name, kind, meaning and value of every number.
            pub fn all(&self) -> impl Iterator<Item = (&'static str, StatKind, &'static str, i64)> {
                [$((stringify!($name), StatKind::$kind, $help, self.$name.value()),)+].into_iter()
            }
        }
    };
}

stats! {
    clients_count Gauge "Open Engine.IO sessions.",
    polling_clients_count Gauge "Open sessions on long-polling.",
    sockets_count Gauge "Clients in namespaces.",
    rooms_count Gauge "Rooms with members; a socket's own room does not count.",
    pending_acks Gauge "Acknowledgements that clients owe.",
    partial_packets Gauge "Binary packets that wait for attachments.",
    open_connections_count Gauge "Open TCP and Unix connections, HTTP and WebSocket; maxConnections limits them.",
    http_connections_count Gauge "Open connections that speak HTTP.",
    queued_events Gauge "Events that wait for the host.",
    queued_bytes Gauge "Bytes of events that wait for the host.",
    connections_total Counter "Sessions opened.",
    disconnections_total Counter "Sessions ended.",
    upgrades_total Counter "Sessions upgraded from polling to WebSocket.",
    messages_received_total Counter "Engine.IO messages received.",
    messages_sent_total Counter "Engine.IO messages handed to a transport.",
    bytes_received_total Counter "Bytes of messages received.",
    bytes_sent_total Counter "Bytes of messages handed to a transport.",
    http_requests_total Counter "HTTP requests received.",
    http_errors_total Counter "Requests refused because they break the rules of HTTP.",
    forwarded_errors_total Counter "Requests whose X-Forwarded-For holds no address where the trusted proxy writes it.",
    connection_errors_total Counter "Requests refused with one of the six error codes.",
    ping_timeouts_total Counter "Sessions ended because the client gave no sign of life.",
    volatile_dropped_total Counter "Volatile messages dropped because the client was not ready.",
    send_buffer_full_total Counter "Messages refused or dropped because a client's send buffer was full.",
    slow_clients_disconnected_total Counter "Clients disconnected because their send buffer was full.",
    reading_paused_total Counter "Times a client was not read because the host was behind.",
    limit_payload_total Counter "Bodies and messages over maxHttpBufferSize.",
    limit_packets_total Counter "Polling payloads with too many packets.",
    limit_fragments_total Counter "WebSocket messages with too many fragments.",
    limit_attachments_total Counter "Packets with too many attachments.",
    limit_depth_total Counter "Packets nested too deeply.",
    limit_namespaces_total Counter "Connections to more namespaces than allowed.",
    limit_acks_total Counter "Emits refused because the client owes too many acknowledgements.",
    limit_connections_total Counter "Connections refused because there were too many.",
    accept_errors_total Counter "Connections that the operating system did not hand over.",
    limit_headers_total Counter "Requests with too large a head.",
    deadline_header_total Counter "Connections closed because a request head took too long.",
    deadline_body_total Counter "Requests refused because their body took too long.",
    deadline_write_total Counter "Connections closed because the client took nothing of an answer in time.",
    deadline_connect_total Counter "Connections closed because they joined no namespace in time.",
    deadline_upgrade_total Counter "Upgrades given up because they took too long.",
    deadline_message_total Counter "Connections closed because a message was not finished in time.",
    deadline_question_total Counter "Questions that the host did not answer in time.",
    deadline_close_total Counter "Connections cut because their close took too long.",
    parse_errors_total Counter "Connections closed because of undecodable packets.",
    protocol_violations_total Counter "Connections closed because of packets out of place.",
    panics_total Counter "Bugs caught; each cost one connection.",
}

impl Stats {
    /// The number of that name.
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
