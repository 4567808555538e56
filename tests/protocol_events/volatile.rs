//! Volatile events.

use conformance::{Client, Transport};
use serde_json::json;

use crate::SERVER;

#[test]
fn volatile_events_are_dropped_without_a_poll() {
    let mut observer = Client::connect(&SERVER);
    let mut client = Client::over(&SERVER, Transport::Polling);
    client.emit(&json!(["volatile-many", 5]));
    // Poll only after all of them were dropped.
    let target = json!({"rooms": [observer.id], "except": [], "self": true, "volatile": false});
    client.emit(&json!(["broadcast", target]));
    observer.expect("broadcast");
    assert_eq!(client.receive().event(), Some("volatile-done"));
}

#[test]
fn volatile_events_keep_their_order() {
    for transport in Transport::ALL {
        let mut client = Client::over(&SERVER, transport);
        if transport == Transport::Polling {
            client.polling().start_poll();
            let wire = client.polling().get_connection().wire();
            assert!(wire.is_silent_for(std::time::Duration::from_millis(50)));
            client.emit(&json!(["volatile-many", 100]));
            let first = client.polling().finish_poll();
            assert_eq!(first[0], r#"42["volatile",0]"#);
            if first.iter().any(|packet| packet.contains("volatile-done")) {
                continue;
            }
        } else {
            client.emit(&json!(["volatile-many", 100]));
        }
        let mut last = None;
        loop {
            let packet = client.receive();
            if packet.event() == Some("volatile-done") {
                break;
            }
            let number = packet.args()[0].as_u64();
            assert!(number > last, "{number:?} after {last:?}");
            last = number;
        }
    }
}
