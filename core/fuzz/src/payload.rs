//! Payloads of long-polling: a packet is the text between two separators, and our reader reads what our writer wrote.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bellwire_core::engineio::packet::{Message, Packet};
use bellwire_core::engineio::payload::{self, PayloadPacket, SEPARATOR};
use bytes::Bytes;

use super::{Target, same};

pub const TARGET: Target = Target {
    name: "payload",
    run,
    seeds: &[
        b"4hello\x1ebAQIDBA==\x1e2probe\x1e5",
        b"bAQIDBA\x1eb\x1e4\x1e1",
        b"4\xe2\x82\xac\x1e\x1e4lost",
        b"bAQ=D\x1e4after",
        b"0{}\x1e6\x1e3\x1e7",
    ],
    words: &["\u{1e}", "b", "4", "2probe", "AQID", "==", "=", "€"],
};

#[derive(Debug, PartialEq)]
enum Got {
    Text(u8, Vec<u8>),
    Binary(Vec<u8>),
    Failed,
}

fn run(data: &[u8]) {
    let mut input = data.to_vec();
    let ours: Vec<Got> = payload::decode(&mut input)
        .map(|packet| match packet {
            Ok(PayloadPacket::Text(kind, data)) => Got::Text(kind as u8, data.to_vec()),
            Ok(PayloadPacket::Binary(data)) => Got::Binary(data),
            Err(_) => Got::Failed,
        })
        .collect();
    let mut theirs = Vec::new();
    for packet in data.split(|byte| *byte == SEPARATOR) {
        theirs.push(match packet {
            [b'b', text @ ..] => base64(text).map_or(Got::Failed, Got::Binary),
            [kind @ b'0'..=b'6', data @ ..] => Got::Text(*kind, data.to_vec()),
            _ => Got::Failed,
        });
        if theirs.last() == Some(&Got::Failed) {
            break;
        }
    }
    same(&ours, &theirs, data);

    let mut written = Vec::new();
    for got in ours.iter().filter(|got| **got != Got::Failed) {
        let message = match got {
            Got::Binary(data) => Message::Binary(Bytes::copy_from_slice(data)),
            Got::Text(kind, data) => Message::Text([&[*kind], data.as_slice()].concat().into()),
            Got::Failed => return,
        };
        payload::encode(&mut written, &Packet::Message(message));
    }
    let count = ours.iter().filter(|got| **got != Got::Failed).count();
    let again: Vec<bool> = payload::decode(&mut written.clone())
        .map(|packet| packet.is_ok())
        .collect();
    assert!(count == 0 || again == vec![true; count]);
}

/// Decodes base64 with or without padding, and ignores unused bits of the last digit.
fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let end = text.iter().position(|byte| *byte == b'=');
    let (digits, padding) = text.split_at(end.unwrap_or(text.len()));
    let lacking = (4 - digits.len() % 4) % 4;
    if lacking == 3 || padding.iter().any(|byte| *byte != b'=') {
        return None;
    }
    if !padding.is_empty() && padding.len() > lacking {
        return None;
    }
    // The last digit without its unused bits.
    let mut whole = digits.to_vec();
    if let (1 | 2, Some(last)) = (lacking, whole.last_mut()) {
        const DIGITS: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let value = DIGITS.iter().position(|digit| digit == last)?;
        *last = DIGITS[value & if lacking == 2 { 0x30 } else { 0x3c }];
    }
    whole.resize(digits.len() + lacking, b'=');
    STANDARD.decode(whole).ok()
}
