//! The golden vectors of `tests/vectors`, which the official parsers have made, read and written
//! by the codecs.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bellwire_core::engineio::packet::{Message, Packet, PacketType as EngineType};
use bellwire_core::engineio::payload::{self, PayloadPacket};
use bellwire_core::socketio::packet::PacketType;
use bellwire_core::socketio::parser::json::{
    Head, write_ack, write_connect, write_connect_error, write_disconnect, write_event,
};
use bytes::Bytes;
use serde_json::{Value, json};

fn vectors(file: &str, part: &str) -> Vec<Value> {
    let path = format!("{}/../tests/vectors/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    let all: Value = serde_json::from_str(&text).unwrap();
    all[part].as_array().unwrap().clone()
}

fn bytes_of(data: &Value) -> Option<Vec<u8>> {
    Some(STANDARD.decode(data["base64"].as_str()?).unwrap())
}

// Engine.IO.

fn type_name(kind: EngineType) -> &'static str {
    match kind {
        EngineType::Open => "open",
        EngineType::Close => "close",
        EngineType::Ping => "ping",
        EngineType::Pong => "pong",
        EngineType::Message => "message",
        EngineType::Upgrade => "upgrade",
        EngineType::Noop => "noop",
    }
}

/// A decoded packet as the vectors describe it.
fn described(packet: PayloadPacket<'_>) -> Value {
    match packet {
        PayloadPacket::Binary(bytes) => {
            json!({"type": "message", "data": {"base64": STANDARD.encode(bytes)}})
        }
        PayloadPacket::Text(kind, []) => json!({"type": type_name(kind)}),
        PayloadPacket::Text(kind, data) => {
            json!({"type": type_name(kind), "data": std::str::from_utf8(data).unwrap()})
        }
    }
}

/// A described packet as we send it; `None` for those that only clients send.
fn outgoing(packet: &Value) -> Option<Packet> {
    let data = &packet["data"];
    Some(match packet["type"].as_str().unwrap() {
        "open" => Packet::Open(Bytes::from(format!("0{}", data.as_str().unwrap()))),
        "close" => Packet::Close,
        "ping" if data.is_null() => Packet::Ping,
        "pong" if data == "probe" => Packet::PongProbe,
        "noop" => Packet::Noop,
        "message" => Packet::Message(match bytes_of(data) {
            Some(bytes) => Message::Binary(bytes.into()),
            None => Message::Text(Bytes::from(format!("4{}", data.as_str().unwrap_or("")))),
        }),
        _ => return None,
    })
}

#[test]
fn engineio_packets_are_read() {
    for vector in vectors("engineio-packets.json", "decode") {
        let mut text = vector["text"].as_str().unwrap().as_bytes().to_vec();
        let decoded = payload::decode_one(&mut text).map(described);
        if vector["error"].is_string() || vector["strict"].is_string() {
            assert!(decoded.is_err(), "{vector} became {decoded:?}");
        } else {
            assert_eq!(decoded.unwrap(), vector["packet"], "{vector}");
        }
    }
}

#[test]
fn engineio_packets_are_written() {
    for vector in vectors("engineio-packets.json", "encode") {
        let Some(packet) = outgoing(&vector["packet"]) else {
            continue;
        };
        let mut text = Vec::new();
        payload::encode(&mut text, &packet);
        assert_eq!(
            std::str::from_utf8(&text).unwrap(),
            vector["polling"],
            "{vector}"
        );
        match packet.as_message() {
            Ok(text) => assert_eq!(std::str::from_utf8(text).unwrap(), vector["websocket"]),
            Err(binary) => assert_eq!(Some(binary.to_vec()), bytes_of(&vector["websocket"])),
        }
    }
}

#[test]
fn engineio_payloads_are_read() {
    for vector in vectors("engineio-payloads.json", "decode") {
        let mut text = vector["payload"].as_str().unwrap().as_bytes().to_vec();
        let mut decoded: Vec<_> = payload::decode(&mut text).collect();
        let failed = decoded.last().is_some_and(Result::is_err);
        assert_eq!(failed, vector["error"].is_string(), "{vector}");
        if failed {
            decoded.pop();
        }
        let packets: Vec<_> = decoded
            .into_iter()
            .map(|packet| described(packet.unwrap()))
            .collect();
        assert_eq!(Value::from(packets), vector["packets"], "{vector}");
    }
}

#[test]
fn engineio_payloads_are_written() {
    for vector in vectors("engineio-payloads.json", "encode") {
        let packets: Option<Vec<_>> = vector["packets"]
            .as_array()
            .unwrap()
            .iter()
            .map(outgoing)
            .collect();
        let Some(packets) = packets else { continue };
        let mut text = Vec::new();
        for packet in &packets {
            payload::encode(&mut text, packet);
        }
        assert_eq!(
            std::str::from_utf8(&text).unwrap(),
            vector["payload"],
            "{vector}"
        );
    }
}

// Socket.IO.

/// Official names tell binary events from others by their attachments alone.
fn name_of(kind: PacketType) -> &'static str {
    match kind {
        PacketType::Connect => "CONNECT",
        PacketType::Disconnect => "DISCONNECT",
        PacketType::Event | PacketType::BinaryEvent => "EVENT",
        PacketType::Ack | PacketType::BinaryAck => "ACK",
        PacketType::ConnectError => "CONNECT_ERROR",
    }
}

/// Puts attachments in the place of their placeholders.
fn reconstructed(value: &Value, attachments: &[Value]) -> Value {
    match value {
        Value::Object(members) if members.get("_placeholder") == Some(&json!(true)) => {
            attachments[members["num"].as_u64().unwrap() as usize].clone()
        }
        Value::Object(members) => members
            .iter()
            .map(|(key, inner)| (key.clone(), reconstructed(inner, attachments)))
            .collect(),
        Value::Array(items) => items
            .iter()
            .map(|inner| reconstructed(inner, attachments))
            .collect(),
        other => other.clone(),
    }
}

#[test]
fn socketio_packets_are_read() {
    for vector in vectors("socketio-packets.json", "decode") {
        let messages = vector["messages"].as_array().unwrap();
        let Some(text) = messages[0].as_str() else {
            continue;
        };
        let decoded = Head::decode(text.as_bytes(), 10);
        let official = vector["error"].as_str().unwrap_or("");
        let in_head = [
            "unknown packet type",
            "Illegal attachments",
            "too many attachments",
        ];
        if in_head.iter().any(|start| official.starts_with(start)) {
            let error = decoded.expect_err(text).as_str();
            assert!(official.starts_with(error), "{vector}: {error}");
            continue;
        }
        if !official.is_empty() || vector["strict"].is_string() {
            // What stands behind the head is the matter of the session's own tests.
            continue;
        }
        let head = decoded.unwrap_or_else(|error| panic!("{vector}: {error}"));
        let packet = &vector["packets"][0];
        assert_eq!(name_of(head.kind), packet["type"], "{vector}");
        let nsp = match &text[head.namespace.clone()] {
            "" => "/",
            name => name,
        };
        assert_eq!(nsp, packet["nsp"], "{vector}");
        assert_eq!(
            head.id.map_or(Value::Null, Value::from),
            packet["id"],
            "{vector}"
        );
        let attachments = &messages[1..];
        assert_eq!(head.attachments, attachments.len(), "{vector}");
        let data = match &text[head.data..] {
            "" => Value::Null,
            json => serde_json::from_str(json).unwrap(),
        };
        let data = if attachments.is_empty() {
            data
        } else {
            reconstructed(&data, attachments)
        };
        assert_eq!(data, packet["data"], "{vector}");
    }
}

#[test]
fn socketio_packets_are_written() {
    for vector in vectors("socketio-packets.json", "encode") {
        let packet = &vector["packet"];
        let (nsp, data) = (packet["nsp"].as_str().unwrap(), &packet["data"]);
        let id = packet["id"].as_u64();
        let attachments = vector["attachments"].as_array().unwrap().len();
        let mut text = Vec::new();
        match packet["type"].as_str().unwrap() {
            "CONNECT" => write_connect(&mut text, nsp, data["sid"].as_str().unwrap()),
            "DISCONNECT" => write_disconnect(&mut text, nsp),
            "CONNECT_ERROR" => {
                let detail = data.get("data").map(Value::to_string).unwrap_or_default();
                let message = data["message"].as_str().unwrap();
                write_connect_error(&mut text, nsp, message, detail.as_bytes());
            }
            "EVENT" => {
                let items = data.as_array().unwrap();
                let name = items[0].as_str().unwrap();
                let args = Value::from(items[1..].to_vec()).to_string();
                write_event(
                    &mut text,
                    nsp,
                    id,
                    name.into(),
                    args.as_bytes(),
                    attachments,
                );
            }
            "ACK" => {
                write_ack(
                    &mut text,
                    nsp,
                    id.unwrap(),
                    data.to_string().as_bytes(),
                    attachments,
                );
            }
            other => panic!("type {other}"),
        }
        let text = std::str::from_utf8(&text).unwrap();
        assert_eq!(
            text,
            format!("4{}", vector["text"].as_str().unwrap()),
            "{vector}"
        );
    }
}
