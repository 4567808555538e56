//! Events, acknowledgements in both directions, and binary attachments.

mod acknowledgements;
mod attachments;
mod events;
mod volatile;

use std::sync::LazyLock;

use conformance::client::Message;
use conformance::{Client, Server, Transport};

static SERVER: LazyLock<Server> = LazyLock::new(Server::start);

/// Sends a packet with its attachments over both transports and checks the exact
/// text and attachments of the answer.
#[track_caller]
fn check_answer(packet: &str, attachments: &[&[u8]], answer: &str) {
    for transport in Transport::ALL {
        let mut client = Client::over(&SERVER, transport);
        client.send_with(packet, attachments);
        assert_eq!(
            client.receive_message(),
            Message::Text(answer.into()),
            "{transport:?}"
        );
        for attachment in attachments {
            assert_eq!(
                client.receive_message(),
                Message::Binary(attachment.to_vec())
            );
        }
        client.expect_nothing();
    }
}

/// Sends a valid packet that causes no answer.
#[track_caller]
fn check_ignored(packet: &str) {
    for transport in Transport::ALL {
        let mut client = Client::over(&SERVER, transport);
        client.send(packet);
        client.expect_nothing();
    }
}
