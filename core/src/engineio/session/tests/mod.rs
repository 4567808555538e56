//! The session in virtual time: a script of steps, with the outputs of the session after each step.
//!
//! `tables` has every transition once; `random` has all orders of steps.

mod closing;
mod random;
mod stage;
mod tables;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::engineio::TransportKind;
use crate::engineio::packet::{Message, Packet, PacketType, decode_text};
use crate::engineio::session::{CloseReason, Closing, Output, Session, Settings, Verdict};

/// The defaults of the official server.
fn settings() -> Arc<Settings> {
    Arc::new(Settings {
        ping_interval: Duration::from_secs(25),
        ping_timeout: Duration::from_secs(20),
        upgrade_timeout: Duration::from_secs(10),
        close_timeout: Duration::from_secs(30),
    })
}

#[expect(clippy::disallowed_methods, reason = "a test needs some first moment")]
fn start() -> Instant {
    Instant::now()
}

/// A text message with its leading `4`.
fn message(text: &str) -> Message {
    Message::Text(Bytes::from(format!("4{text}")))
}

/// A packet as in a payload, with bytes in brackets.
fn packet_text(packet: &Packet) -> String {
    match packet.as_message() {
        Ok(text) => String::from_utf8(text.to_vec()).unwrap(),
        Err(bytes) => format!("{:?}", bytes.to_vec()),
    }
}

/// An output, as the tables write it.
fn output_text(output: &Output) -> String {
    match output {
        Output::Send(packet) => format!("send {}", packet_text(packet)),
        Output::AnswerPoll(packets) => {
            let packets: Vec<_> = packets.iter().map(packet_text).collect();
            format!("answer {}", packets.join(" "))
        }
        Output::AnswerProbe => "answer probe".to_owned(),
        Output::CloseProbe => "close probe".to_owned(),
        Output::Upgraded => "upgraded".to_owned(),
        Output::CloseWebSocket => "close websocket".to_owned(),
        Output::Closed(reason) => format!("closed: {}", reason.as_str()),
    }
}
