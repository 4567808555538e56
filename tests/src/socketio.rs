//! Socket.IO packets as a client receives them.

use serde_json::Value;

/// The type of a packet, as its digit on the wire.
pub mod kind {
    /// CONNECT: a request to join a namespace, and its acceptance.
    pub const CONNECT: u8 = 0;
    /// DISCONNECT.
    pub const DISCONNECT: u8 = 1;
    /// EVENT.
    pub const EVENT: u8 = 2;
    /// ACK.
    pub const ACK: u8 = 3;
    /// CONNECT_ERROR: the request to join was refused.
    pub const CONNECT_ERROR: u8 = 4;
    /// BINARY_EVENT: an event with attachments.
    pub const BINARY_EVENT: u8 = 5;
    /// BINARY_ACK: an acknowledgement with attachments.
    pub const BINARY_ACK: u8 = 6;
}

/// One packet with its attachments.
#[derive(Clone, Debug, PartialEq)]
pub struct Packet {
    /// One of [`kind`].
    pub kind: u8,
    /// How many binary messages follow.
    pub attachments: usize,
    /// The namespace; `/` if the packet names none.
    pub nsp: String,
    /// The acknowledgement id of an event or of an acknowledgement.
    pub id: Option<u64>,
    /// The JSON payload.
    pub data: Option<Value>,
    /// The binary messages that followed.
    pub binaries: Vec<Vec<u8>>,
}

impl Packet {
    /// Parses the text of a packet, without its attachments.
    pub fn parse(text: &str) -> Self {
        let kind = text.bytes().next().expect("a packet is not empty") - b'0';
        let mut rest = &text[1..];
        let mut attachments = 0;
        if matches!(kind, kind::BINARY_EVENT | kind::BINARY_ACK) {
            let (count, after) = rest.split_once('-').expect("a number of attachments");
            attachments = count.parse().expect("attachments are counted");
            rest = after;
        }
        let mut nsp = "/".to_owned();
        if rest.starts_with('/') {
            let (name, after) = rest.split_once(',').expect("a namespace ends with a comma");
            nsp = name.to_owned();
            rest = after;
        }
        let digits = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        let id = rest[..digits].parse().ok();
        let json = &rest[digits..];
        let data = (!json.is_empty())
            .then(|| serde_json::from_str(json).unwrap_or_else(|_| panic!("no JSON: {text}")));
        Self {
            kind,
            attachments,
            nsp,
            id,
            data,
            binaries: Vec::new(),
        }
    }

    /// The name of an event.
    pub fn event(&self) -> Option<&str> {
        matches!(self.kind, kind::EVENT | kind::BINARY_EVENT)
            .then(|| self.data.as_ref().and_then(|data| data[0].as_str()))
            .flatten()
    }

    /// The arguments of an event, without its name, or of an ack.
    pub fn args(&self) -> &[Value] {
        let all = self
            .data
            .as_ref()
            .and_then(Value::as_array)
            .map_or(&[][..], Vec::as_slice);
        match self.kind {
            kind::EVENT | kind::BINARY_EVENT => all.get(1..).unwrap_or(&[]),
            _ => all,
        }
    }
}
