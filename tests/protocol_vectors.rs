//! The golden vectors, sent to a running server: the server parses and refuses
//! the same inputs as the official parsers.

use std::path::Path;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use conformance::client::prefix;
use conformance::polling::SEPARATOR;
use conformance::raw::reason_of;
use conformance::{
    Client, Difference, Opcode, Packet, Polling, Server, Transport, WebSocket, differs, under_test,
};
use serde_json::{Value, json};

static RAW: LazyLock<Server> = LazyLock::new(|| Server::raw(&json!({})));
static SERVER: LazyLock<Server> = LazyLock::new(Server::start);

fn vectors(file: &str, part: &str) -> Vec<Value> {
    let path: &Path = &under_test::tests_folder().join("vectors").join(file);
    let text = std::fs::read_to_string(path).expect("the vectors can be read");
    let all: Value = serde_json::from_str(&text).expect("the vectors are JSON");
    all[part].as_array().expect("a part of the vectors").clone()
}

fn bytes_of(data: &Value) -> Option<Vec<u8>> {
    let base64 = data["base64"].as_str()?;
    Some(
        STANDARD
            .decode(base64)
            .expect("binary in vectors is base64"),
    )
}

/// The encoding of a message that a raw echo server sends back.
fn echo_of(packet: &Value) -> Option<String> {
    (packet["type"] == "message").then(|| match bytes_of(&packet["data"]) {
        Some(bytes) => format!("b{}", STANDARD.encode(bytes)),
        None => format!("4{}", packet["data"].as_str().unwrap_or("")),
    })
}

/// Whether the server under test refuses this vector although the official
/// parser reads it.
fn is_refused(vector: &Value) -> bool {
    vector["error"].is_string()
        || (vector["strict"].is_string() && differs(Difference::StrictParser))
}

#[test]
fn engineio_packets_over_websocket() {
    for vector in vectors("engineio-packets.json", "decode") {
        let text = vector["text"].as_str().expect("a text");
        // Close and ping from a client have tests of their own.
        if text.starts_with(['1', '2']) {
            continue;
        }
        let mut websocket = WebSocket::connect(&RAW);
        let sid = websocket.receive_open();
        websocket.text(text);
        if is_refused(&vector) {
            assert_eq!(websocket.receive_close(), None, "{vector}");
            assert_eq!(reason_of(&RAW, &sid), "parse error", "{vector}");
            continue;
        }
        websocket.text("4next");
        if let Some(echo) = echo_of(&vector["packet"]) {
            let frame = websocket.receive();
            let received = match frame.opcode {
                Opcode::Binary => format!("b{}", STANDARD.encode(&frame.payload)),
                _ => String::from_utf8(frame.payload).expect("text"),
            };
            assert_eq!(received, echo, "{vector}");
        }
        assert_eq!(websocket.receive_text(), "4next", "{vector}");
    }
}

#[test]
fn engineio_payloads_over_polling() {
    for vector in vectors("engineio-payloads.json", "decode") {
        let payload = vector["payload"].as_str().expect("a text");
        let packets = vector["packets"].as_array().expect("packets");
        if packets
            .iter()
            .any(|packet| packet["type"] == "close" || packet["type"] == "ping")
        {
            continue;
        }
        let mut polling = Polling::connect(&RAW);
        polling.post(payload);
        if is_refused(&vector) {
            assert_eq!(reason_of(&RAW, &polling.sid), "parse error", "{vector}");
            continue;
        }
        let echoes: Vec<_> = packets.iter().filter_map(echo_of).collect();
        polling.post("4next");
        let mut received = polling.collect(echoes.len() + 1);
        assert_eq!(received.pop().as_deref(), Some("4next"), "{vector}");
        assert_eq!(received, echoes, "{vector}");
    }
}

#[test]
fn engineio_payloads_come_back_as_they_were() {
    for vector in vectors("engineio-payloads.json", "encode") {
        let packets = vector["packets"].as_array().expect("packets");
        if packets.iter().any(|packet| packet["type"] != "message") {
            continue;
        }
        let payload = vector["payload"].as_str().expect("a text");
        let mut polling = Polling::connect(&RAW);
        polling.post(payload);
        let count = payload.split(SEPARATOR).count();
        assert_eq!(polling.collect(count).join("\x1e"), payload, "{vector}");
    }
}

/// Replaces the placeholders by the attachments, in the notation of the vectors.
fn reconstructed(packet: &Packet) -> Value {
    fn walk(value: &Value, binaries: &[Vec<u8>]) -> Value {
        match value {
            Value::Object(members) if members.get("_placeholder") == Some(&json!(true)) => {
                let num = members["num"].as_u64().expect("a number") as usize;
                json!({"base64": STANDARD.encode(&binaries[num])})
            }
            Value::Object(members) => members
                .iter()
                .map(|(key, value)| (key.clone(), walk(value, binaries)))
                .collect(),
            Value::Array(items) => items.iter().map(|value| walk(value, binaries)).collect(),
            other => other.clone(),
        }
    }
    let args = Value::from(packet.args().to_vec());
    if packet.attachments == 0 {
        args
    } else {
        walk(&args, &packet.binaries)
    }
}

/// The effect of a vector on a connection that has joined `/` and `/custom`.
#[derive(Debug, PartialEq)]
enum Outcome {
    Ends,
    Goes,
}

fn outcome_of(vector: &Value) -> Outcome {
    let known = |packet: &Value| packet["nsp"] == "/" || packet["nsp"] == "/custom";
    let misplaced = |packet: &Value| match packet["type"].as_str() {
        Some("CONNECT") => known(packet),
        Some("CONNECT_ERROR") => true,
        _ => false,
    };
    let packets = vector["packets"].as_array().expect("packets");
    match is_refused(vector) || packets.iter().any(misplaced) {
        true => Outcome::Ends,
        false => Outcome::Goes,
    }
}

/// Whether there is an attachment without a placeholder.
fn has_unused_attachment(vector: &Value) -> bool {
    let messages = vector["messages"].as_array().expect("messages");
    let text = messages[0].as_str().unwrap_or("");
    let is_used = |num: usize| text.contains(&format!("\"num\":{num}"));
    (0..messages.len() - 1).any(|num| !is_used(num))
}

fn run_socketio(transport: Transport, vector: &Value) {
    let mut client = Client::over(&SERVER, transport);
    client.connect_to("/custom", &json!({}));
    let messages = vector["messages"].as_array().expect("messages");
    for message in messages {
        match (message.as_str(), bytes_of(message)) {
            (Some(text), _) => client.send(text),
            (None, Some(bytes)) => client.send_binary(&bytes),
            (None, None) => panic!("neither text nor binary: {vector}"),
        }
    }
    if outcome_of(vector) == Outcome::Ends {
        client.expect_disconnection();
        return;
    }
    for packet in vector["packets"].as_array().expect("packets") {
        if has_unused_attachment(vector) {
            // The echo program decides whether it can send such an attachment back.
            break;
        }
        let nsp = packet["nsp"].as_str().expect("a namespace");
        if packet["type"] == "EVENT" && packet["data"][0] == "message" {
            let answer = client.receive_in(nsp);
            assert_eq!(answer.event(), Some("message-back"), "{vector}");
            let args = packet["data"].as_array().expect("an array")[1..].to_vec();
            assert_eq!(reconstructed(&answer), Value::from(args), "{vector}");
        } else if packet["type"] == "CONNECT" {
            assert_eq!(client.receive_in(nsp).nsp, nsp, "{vector}");
        }
    }
    // Some vectors leave a namespace; the rest of the connection continues.
    let left = |nsp: &str| {
        let packets = vector["packets"].as_array().expect("packets");
        packets
            .iter()
            .any(|packet| packet["type"] == "DISCONNECT" && packet["nsp"] == nsp)
    };
    client.nsp = if left("/") { "/custom" } else { "/" }.to_owned();
    client.send(&format!(
        r#"2{}77["message-with-ack"]"#,
        prefix(&client.nsp)
    ));
    client.ack_of(77);
}

#[test]
fn socketio_packets() {
    for vector in vectors("socketio-packets.json", "decode") {
        for transport in Transport::ALL {
            run_socketio(transport, &vector);
        }
    }
}

#[test]
fn socketio_texts_come_back_as_they_were() {
    for vector in vectors("socketio-packets.json", "encode") {
        let packet = &vector["packet"];
        if packet["type"] != "EVENT" || packet["data"][0] != "message" || !packet["id"].is_null() {
            continue;
        }
        let text = vector["text"].as_str().expect("a text");
        let attachments: Vec<_> = vector["attachments"]
            .as_array()
            .expect("attachments")
            .iter()
            .filter_map(bytes_of)
            .collect();
        let slices: Vec<&[u8]> = attachments.iter().map(Vec::as_slice).collect();
        let mut client = Client::connect(&SERVER);
        client.connect_to("/custom", &json!({}));
        client.send_with(text, &slices);
        let expected = text.replacen("[\"message\"", "[\"message-back\"", 1);
        let message = client.receive_message();
        assert_eq!(
            message,
            conformance::client::Message::Text(expected),
            "{vector}"
        );
        for attachment in attachments {
            let message = client.receive_message();
            assert_eq!(
                message,
                conformance::client::Message::Binary(attachment),
                "{vector}"
            );
        }
    }
}
