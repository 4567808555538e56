//! What the clients send, and what the answers to it look like.

use crate::net::{Answer, BINARY, TEXT, masked};

/// The argument of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Argument {
    /// A JSON string of this many characters.
    Text(usize),
    /// About this many bytes of nested objects.
    Objects(usize),
    /// An attachment of this many bytes.
    Binary(usize),
}

impl Argument {
    /// The argument as JSON, or the placeholder that stands for it.
    pub(crate) fn json(self) -> String {
        match self {
            Self::Text(len) => format!("\"{}\"", "abcdefghijklmnop".repeat(len / 16)),
            Self::Objects(len) => objects(len),
            Self::Binary(_) => r#"{"_placeholder":true,"num":0}"#.to_owned(),
        }
    }
}

/// Compact JSON whose members stand in alphabetical order and whose numbers are whole, so that
/// every server's encoder gives the same bytes back.
fn objects(len: usize) -> String {
    let mut items = Vec::new();
    let mut size = r#"{"items":[]}"#.len();
    while size < len {
        let id = 1_000 + items.len();
        let item = format!(
            r#"{{"alive":true,"id":{id},"name":"player-{id}","pos":{{"x":{},"y":-{}}},"tags":["a","b"]}}"#,
            id * 3 % 640,
            id * 7 % 480
        );
        size += item.len() + 1;
        items.push(item);
    }
    format!(r#"{{"items":[{}]}}"#, items.join(","))
}

/// How a message is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    /// By the same event.
    Event,
    /// By an acknowledgement.
    Ack,
}

/// A message ready to be sent again and again.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    /// `copies` of the message one after the other, for several in one write.
    bytes: Vec<u8>,
    copies: usize,
    pub(crate) answer: Answer,
}

impl Message {
    /// `echo`, `bin` or `ack` with this argument.
    pub(crate) fn to_be_answered(argument: Argument, reply: Reply, copies: usize) -> Self {
        let json = argument.json();
        match (argument, reply) {
            (Argument::Binary(len), _) => Self::new(
                |_| format!(r#"451-["bin",{json}]"#),
                Some(&vec![0xa5; len]),
                copies,
                answer(BINARY, [0xa5; 2], len),
            ),
            (_, Reply::Event) => {
                let text = format!(r#"42["echo",{json}]"#);
                let len = text.len();
                Self::new(|_| text.clone(), None, copies, answer(TEXT, *b"42", len))
            }
            (_, Reply::Ack) => {
                // Two digits each, so that messages and answers all have one size.
                let text = |nth: usize| format!(r#"42{}["ack",{json}]"#, 10 + nth % 90);
                let len = format!("4310[{json}]").len();
                Self::new(text, None, copies, answer(TEXT, *b"43", len))
            }
        }
    }

    /// `bcast`: answered by the same event, at every client.
    pub(crate) fn broadcast(argument: Argument) -> Self {
        let text = format!(r#"42["bcast",{}]"#, argument.json());
        let len = text.len();
        Self::new(|_| text.clone(), None, 1, answer(TEXT, *b"42", len))
    }

    /// `room`: answered by the event without the room's name, at its members.
    pub(crate) fn to_room(room: &str, argument: Argument) -> Self {
        let json = argument.json();
        let text = format!(r#"42["room","{room}",{json}]"#);
        let len = format!(r#"42["room",{json}]"#).len();
        Self::new(|_| text.clone(), None, 1, answer(TEXT, *b"42", len))
    }

    fn new(
        text: impl Fn(usize) -> String,
        attachment: Option<&[u8]>,
        copies: usize,
        answer: Answer,
    ) -> Self {
        let mut bytes = Vec::new();
        for nth in 0..copies {
            masked(&mut bytes, TEXT, text(nth).as_bytes());
            if let Some(attachment) = attachment {
                masked(&mut bytes, BINARY, attachment);
            }
        }
        Self {
            bytes,
            copies,
            answer,
        }
    }

    /// The bytes of `n` messages; at most as many as there are copies.
    pub(crate) fn times(&self, n: usize) -> &[u8] {
        &self.bytes[..self.bytes.len() / self.copies * n]
    }
}

/// One frame that asks to be put into a room, acknowledged with id 0.
pub(crate) fn join(room: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    masked(
        &mut bytes,
        TEXT,
        format!(r#"420["join","{room}"]"#).as_bytes(),
    );
    bytes
}

/// Leaves the namespace and closes the WebSocket in good order.
pub(crate) fn goodbye() -> Vec<u8> {
    let mut bytes = Vec::new();
    masked(&mut bytes, TEXT, b"41");
    masked(&mut bytes, crate::net::CLOSE, &1000_u16.to_be_bytes());
    bytes
}

fn answer(opcode: u8, first: [u8; 2], len: usize) -> Answer {
    Answer {
        opcode,
        first,
        len: len as u64,
    }
}

#[cfg(test)]
mod tests {
    use super::{Argument, Message, Reply};

    #[test]
    fn arguments_are_json_of_about_the_size_asked_for() {
        for argument in [
            Argument::Text(16),
            Argument::Text(65_536),
            Argument::Objects(1_024),
        ] {
            let json = argument.json();
            let wanted = match argument {
                Argument::Text(len) | Argument::Objects(len) | Argument::Binary(len) => len,
            };
            assert!((wanted..wanted + 100).contains(&json.len()), "{argument:?}");
            let value: serde_json::Value = serde_json::from_str(&json).expect("JSON");
            assert_eq!(
                value.to_string(),
                json,
                "every encoder gives the same bytes"
            );
        }
    }

    #[test]
    fn copies_all_have_one_size() {
        for argument in [Argument::Text(16), Argument::Binary(1_024)] {
            for reply in [Reply::Event, Reply::Ack] {
                let one = Message::to_be_answered(argument, reply, 1);
                let eight = Message::to_be_answered(argument, reply, 8);
                assert_eq!(eight.times(1), one.times(1));
                assert_eq!(eight.times(8).len(), 8 * one.times(1).len());
            }
        }
    }
}
