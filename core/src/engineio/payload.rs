//! Payloads of long-polling: packets separated by the byte 0x1e, with binary messages as `b` and base64.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::engineio::packet::{DecodeError, Packet, PacketType, decode_text};

/// The byte between two packets.
pub const SEPARATOR: u8 = 0x1e;

/// Padding is written. Missing padding and trailing bits are accepted, as the official decoder does.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// One packet of a payload.
#[derive(Debug, PartialEq, Eq)]
pub enum PayloadPacket<'a> {
    /// A packet with its type.
    Text(PacketType, &'a mut [u8]),
    /// A binary message.
    Binary(Vec<u8>),
}

/// The packets of a payload, in order. The iterator ends after the first error.
pub fn decode(payload: &mut [u8]) -> impl Iterator<Item = Result<PayloadPacket<'_>, DecodeError>> {
    let mut failed = false;
    payload
        .split_mut(|byte| *byte == SEPARATOR)
        .map_while(move |packet| {
            if failed {
                return None;
            }
            let decoded = decode_one(packet);
            failed = decoded.is_err();
            Some(decoded)
        })
}

/// Decodes one packet in its text form, which WebSocket text frames also have.
///
/// # Errors
/// If the text is not a valid packet.
pub fn decode_one(packet: &mut [u8]) -> Result<PayloadPacket<'_>, DecodeError> {
    if packet.first() == Some(&b'b') {
        return BASE64
            .decode(&packet[1..])
            .map(PayloadPacket::Binary)
            .map_err(|_| DecodeError::Base64);
    }
    let (kind, data) = decode_text(packet)?;
    Ok(PayloadPacket::Text(kind, data))
}

/// Appends `packet` to a payload.
pub fn encode(payload: &mut Vec<u8>, packet: &Packet) {
    if !payload.is_empty() {
        payload.push(SEPARATOR);
    }
    match packet.as_message() {
        Ok(text) => payload.extend_from_slice(text),
        Err(binary) => encode_binary(payload, binary),
    }
}

/// Appends a binary message in its text form.
pub fn encode_binary(out: &mut Vec<u8>, binary: &[u8]) {
    out.push(b'b');
    let start = out.len();
    // Base64 has four characters for every three bytes, rounded up, so the buffer is large enough.
    out.resize(start + binary.len().div_ceil(3) * 4, 0);
    let written = BASE64.encode_slice(binary, &mut out[start..]).unwrap_or(0);
    out.truncate(start + written);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engineio::packet::Message;
    use bytes::Bytes;

    fn text(text: &'static str) -> Packet {
        Packet::Message(Message::Text(Bytes::from_static(text.as_bytes())))
    }

    #[test]
    fn packets_are_joined() {
        let mut payload = Vec::new();
        encode(&mut payload, &text("4hello"));
        encode(
            &mut payload,
            &Packet::Message(Message::Binary(Bytes::from_static(&[1, 2, 3, 4]))),
        );
        encode(&mut payload, &Packet::Ping);
        assert_eq!(payload, b"4hello\x1ebAQIDBA==\x1e2");
    }

    #[test]
    fn a_payload_is_split_until_the_first_bad_packet() {
        let mut payload = b"4a\x1ebAQIDBA==\x1e4\x1eabc\x1e4lost".to_vec();
        let packets: Vec<_> = decode(&mut payload).collect();
        assert_eq!(packets.len(), 4);
        assert_eq!(packets[1], Ok(PayloadPacket::Binary(vec![1, 2, 3, 4])));
        assert_eq!(packets[3], Err(DecodeError::UnknownType(b'a')));
    }

    #[test]
    fn base64_is_read_with_and_without_padding() {
        for body in ["bAQIDBA==", "bAQIDBA"] {
            let mut payload = body.as_bytes().to_vec();
            assert_eq!(
                decode(&mut payload).next(),
                Some(Ok(PayloadPacket::Binary(vec![1, 2, 3, 4])))
            );
        }
        let mut payload = b"b".to_vec();
        assert_eq!(
            decode(&mut payload).next(),
            Some(Ok(PayloadPacket::Binary(vec![])))
        );
    }
}
