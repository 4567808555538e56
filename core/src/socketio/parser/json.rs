//! The format of the default parser: `<type>[<attachments>-][<namespace>,][<ack id>][<JSON>]` in a text message, then
//! each attachment in a binary message.

use std::io::Write as _;
use std::ops::Range;

use crate::json;
use crate::socketio::name::EventName;
use crate::socketio::packet::{DecodeError, PacketType};

/// The part of a packet before the JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The packet type.
    pub kind: PacketType,
    /// The number of binary messages that follow.
    pub attachments: usize,
    /// The place of the namespace in the text; empty for `/`.
    pub namespace: Range<usize>,
    /// The acknowledgement id.
    pub id: Option<u64>,
    /// The place where the JSON begins: the end of the text if there is none.
    pub data: usize,
}

impl Head {
    /// Decodes the part before the JSON, in one pass.
    ///
    /// # Errors
    /// If the text does not begin as a packet. The JSON is not checked.
    pub fn decode(text: &[u8], max_attachments: usize) -> Result<Self, DecodeError> {
        let kind = match text.first() {
            Some(b'0') => PacketType::Connect,
            Some(b'1') => PacketType::Disconnect,
            Some(b'2') => PacketType::Event,
            Some(b'3') => PacketType::Ack,
            Some(b'4') => PacketType::ConnectError,
            Some(b'5') => PacketType::BinaryEvent,
            Some(b'6') => PacketType::BinaryAck,
            _ => return Err(DecodeError::UnknownType),
        };
        let mut at = 1;
        let mut attachments = 0;
        if matches!(kind, PacketType::BinaryEvent | PacketType::BinaryAck) {
            let (count, end) = digits(text, at);
            // The end of a number that is too long is unknown.
            if text.get(end) != Some(&b'-') && !matches!(count, Digits::TooMany) {
                return Err(DecodeError::IllegalAttachmentCount);
            }
            match count {
                Digits::None | Digits::Number(0) => {
                    return Err(DecodeError::IllegalAttachmentCount);
                }
                Digits::Number(count) if count as usize <= max_attachments => {
                    attachments = count as usize
                }
                Digits::Number(_) | Digits::TooMany => return Err(DecodeError::TooManyAttachments),
            }
            at = end + 1;
        }
        let mut namespace = at..at;
        if text.get(at) == Some(&b'/') {
            let end = memchr::memchr(b',', &text[at..]).map_or(text.len(), |comma| at + comma);
            namespace = at..end;
            at = (end + 1).min(text.len());
        }
        let (id, end) = digits(text, at);
        let id = match id {
            Digits::None => None,
            Digits::Number(id) => Some(id),
            Digits::TooMany => return Err(DecodeError::InvalidPayload),
        };
        Ok(Self {
            kind,
            attachments,
            namespace,
            id,
            data: end,
        })
    }
}

enum Digits {
    None,
    Number(u64),
    TooMany,
}

/// The number at `at`, and its end. Numbers longer than 19 digits do not fit u64 and are rejected.
fn digits(text: &[u8], at: usize) -> (Digits, usize) {
    let mut value = 0u64;
    let mut end = at;
    while let Some(digit) = text.get(end).filter(|byte| byte.is_ascii_digit()) {
        if end - at == 19 {
            return (Digits::TooMany, end);
        }
        value = value * 10 + u64::from(digit - b'0');
        end += 1;
    }
    if end == at {
        (Digits::None, at)
    } else {
        (Digits::Number(value), end)
    }
}

/// Appends the `4` of Engine.IO, type, attachments, namespace and id.
fn write_head(
    out: &mut Vec<u8>,
    kind: PacketType,
    attachments: usize,
    namespace: &str,
    id: Option<u64>,
) {
    out.extend_from_slice(&[b'4', kind as u8]);
    if attachments > 0 {
        push_decimal(out, attachments as u64);
        out.push(b'-');
    }
    if namespace != "/" {
        out.extend_from_slice(namespace.as_bytes());
        out.push(b',');
    }
    if let Some(id) = id {
        push_decimal(out, id);
    }
}

/// Appends a number, in a tenth of the time of `write!`, which matters for acknowledgements.
fn push_decimal(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0; 20];
    let mut first = digits.len();
    loop {
        first -= 1;
        digits[first] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[first..]);
}

/// Appends an EVENT. `args` is a valid JSON array, or empty.
pub fn write_event(
    out: &mut Vec<u8>,
    namespace: &str,
    id: Option<u64>,
    name: EventName<'_>,
    args: &[u8],
    attachments: usize,
) {
    let kind = if attachments == 0 {
        PacketType::Event
    } else {
        PacketType::BinaryEvent
    };
    write_head(out, kind, attachments, namespace, id);
    out.push(b'[');
    name.write(out);
    let items = array_content(args);
    if !items.is_empty() {
        out.push(b',');
        out.extend_from_slice(items);
    }
    out.push(b']');
}

/// Appends an ACK. `args` is a valid JSON array, or empty.
pub fn write_ack(out: &mut Vec<u8>, namespace: &str, id: u64, args: &[u8], attachments: usize) {
    let kind = if attachments == 0 {
        PacketType::Ack
    } else {
        PacketType::BinaryAck
    };
    write_head(out, kind, attachments, namespace, Some(id));
    out.push(b'[');
    out.extend_from_slice(array_content(args));
    out.push(b']');
}

/// Appends the CONNECT that accepts a client.
pub fn write_connect(out: &mut Vec<u8>, namespace: &str, sid: &str) {
    write_head(out, PacketType::Connect, 0, namespace, None);
    let _ = write!(out, "{{\"sid\":\"{sid}\"}}");
}

/// Appends the CONNECT_ERROR that refuses a client. `data` is valid JSON, or empty.
pub fn write_connect_error(out: &mut Vec<u8>, namespace: &str, message: &str, data: &[u8]) {
    write_head(out, PacketType::ConnectError, 0, namespace, None);
    out.extend_from_slice(b"{\"message\":");
    json::write_string(out, message);
    if !data.is_empty() {
        out.extend_from_slice(b",\"data\":");
        out.extend_from_slice(data);
    }
    out.push(b'}');
}

/// Appends a DISCONNECT.
pub fn write_disconnect(out: &mut Vec<u8>, namespace: &str) {
    write_head(out, PacketType::Disconnect, 0, namespace, None);
}

/// The content of a valid array, without its brackets.
pub fn array_content(array: &[u8]) -> &[u8] {
    let trimmed = array.trim_ascii();
    match trimmed {
        [b'[', content @ .., b']'] => content.trim_ascii(),
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(text: &str) -> Result<(PacketType, usize, &str, Option<u64>, &str), DecodeError> {
        let head = Head::decode(text.as_bytes(), 10)?;
        Ok((
            head.kind,
            head.attachments,
            &text[head.namespace],
            head.id,
            &text[head.data..],
        ))
    }

    #[test]
    fn heads_are_read() {
        for (text, expected) in [
            ("0", Ok((PacketType::Connect, 0, "", None, ""))),
            (
                "0/custom",
                Ok((PacketType::Connect, 0, "/custom", None, "")),
            ),
            (
                "0/custom,{}",
                Ok((PacketType::Connect, 0, "/custom", None, "{}")),
            ),
            ("2[\"a\"]", Ok((PacketType::Event, 0, "", None, "[\"a\"]"))),
            (
                "212[\"a\"]",
                Ok((PacketType::Event, 0, "", Some(12), "[\"a\"]")),
            ),
            (
                "2/a,12[\"a\"]",
                Ok((PacketType::Event, 0, "/a", Some(12), "[\"a\"]")),
            ),
            (
                "51-/admin,13[\"t\"]",
                Ok((PacketType::BinaryEvent, 1, "/admin", Some(13), "[\"t\"]")),
            ),
            ("510-[]", Ok((PacketType::BinaryEvent, 10, "", None, "[]"))),
            ("511-[]", Err(DecodeError::TooManyAttachments)),
            ("50-[]", Err(DecodeError::IllegalAttachmentCount)),
            ("5-[]", Err(DecodeError::IllegalAttachmentCount)),
            ("5[]", Err(DecodeError::IllegalAttachmentCount)),
            ("5--1-[]", Err(DecodeError::IllegalAttachmentCount)),
            ("51", Err(DecodeError::IllegalAttachmentCount)),
            ("", Err(DecodeError::UnknownType)),
            ("7", Err(DecodeError::UnknownType)),
            ("212345678901234567890[]", Err(DecodeError::InvalidPayload)),
        ] {
            assert_eq!(head(text), expected, "{text}");
        }
    }

    #[test]
    fn packets_are_written_as_the_official_encoder_does() {
        let written = |write: &dyn Fn(&mut Vec<u8>)| {
            let mut out = Vec::new();
            write(&mut out);
            String::from_utf8(out).unwrap()
        };
        for (actual, expected) in [
            (
                written(&|out| write_event(out, "/", None, "a".into(), b"", 0)),
                r#"42["a"]"#,
            ),
            (
                written(&|out| write_event(out, "/", Some(7), "a\"".into(), b" [ 1, 2 ] ", 0)),
                r#"427["a\"",1, 2]"#,
            ),
            (
                written(&|out| write_event(out, "/x", None, "a".into(), b"[{}]", 1)),
                r#"451-/x,["a",{}]"#,
            ),
            (written(&|out| write_ack(out, "/", 3, b"[]", 0)), "433[]"),
            (
                written(&|out| write_ack(out, "/x", 3, b"[1]", 2)),
                "462-/x,3[1]",
            ),
            (
                written(&|out| write_connect(out, "/", "s")),
                r#"40{"sid":"s"}"#,
            ),
            (
                written(&|out| write_connect(out, "/x", "s")),
                r#"40/x,{"sid":"s"}"#,
            ),
            (
                written(&|out| write_connect_error(out, "/", "no", b"")),
                r#"44{"message":"no"}"#,
            ),
            (
                written(&|out| write_connect_error(out, "/x", "no", b"1")),
                r#"44/x,{"message":"no","data":1}"#,
            ),
            (written(&|out| write_disconnect(out, "/")), "41"),
            (written(&|out| write_disconnect(out, "/x")), "41/x,"),
        ] {
            assert_eq!(actual, expected);
        }
    }
}
