//! What the log says of a server and a client that do nothing wrong.

use bellwire_core::log::listener::Level;

use crate::DELIVERIES;
use crate::host::Host;
use crate::peer::joined;
use crate::record::LOG;

/// The life of a server and of a client, a line each.
#[test]
fn a_life_is_told_in_a_few_lines() {
    for delivery in DELIVERIES {
        let host = Host::new(delivery, r#"{"pingInterval":20000}"#);
        let mut peer = joined(&host);
        peer.frame(0x88, &1000_u16.to_be_bytes());
        host.line(" closed from").expect("the end is told");
        host.server.stop();
        let id = host.server.log_id();
        let all = LOG.all.lock().unwrap();
        let lines: Vec<_> = all
            .iter()
            .filter(|(server, ..)| *server == id)
            .map(|(_, _, text)| text.as_str())
            .collect();
        let expected = [
            ["session ", " opened from 127.0.0.1:"],
            ["", " connected to / from 127.0.0.1:"],
            ["session ", r#" in ["/"]: transport close"#],
            ["", " disconnected from / from 127.0.0.1:"],
            ["closed", "closed"],
        ];
        for [start, part] in expected {
            let found = lines
                .iter()
                .filter(|line| line.starts_with(start) && line.contains(part));
            assert_eq!(found.count(), 1, "{part:?} in {lines:#?}");
        }
        // Lines of this thread, and of others that are the host's.
        let mine = |part: &str| {
            all.iter()
                .any(|(_, level, text)| *level == Level::Info && text.contains(part))
        };
        assert!(mine("pingInterval=20000"), "options");
        assert!(mine(&format!("listening on port {}", host.port)));
    }
}
