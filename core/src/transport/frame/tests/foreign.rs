//! The frames of another implementation, both ways.

use std::io::{self, Read, Write};

use tokio_tungstenite::tungstenite::protocol::frame::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocket};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::{Got, LIMITS, read};
use crate::transport::frame::{write_binary, write_close, write_ping, write_pong, write_text};

/// A connection that gives prepared bytes and keeps what is written.
#[derive(Default)]
struct Wire {
    incoming: io::Cursor<Vec<u8>>,
    written: Vec<u8>,
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.incoming.read(buffer)
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.written.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

const LENGTHS: [usize; 12] = [0, 1, 2, 7, 31, 125, 126, 127, 300, 65_535, 65_536, 100_000];

#[test]
fn a_client_is_understood() -> Result<(), Error> {
    let mut client = WebSocket::from_raw_socket(Wire::default(), Role::Client, None);
    let mut expected = Vec::new();
    for len in LENGTHS {
        let text = "é€x".repeat(len / 6);
        client.write(Message::text(text.clone()))?;
        expected.push(Got::Text(text.into_bytes()));
        let data: Vec<u8> = (0..len).map(|index| index as u8).collect();
        client.write(Message::binary(data.clone()))?;
        expected.push(Got::Binary(data));
        client.write(Message::Ping(vec![3; len.min(125)].into()))?;
        expected.push(Got::Ping(vec![3; len.min(125)]));
    }
    client.close(Some(CloseFrame {
        code: CloseCode::Away,
        reason: "done".into(),
    }))?;
    expected.push(Got::Close(Some((1001, "done".to_owned()))));
    client.flush()?;
    let (got, result) = read(LIMITS, &client.get_ref().written);
    assert_eq!(result, Ok(()));
    assert!(got == expected);
    Ok(())
}

#[test]
fn a_client_understands() -> Result<(), Error> {
    let mut out = Vec::new();
    let mut expected = Vec::new();
    for len in LENGTHS {
        let text = "é€x".repeat(len / 6);
        write_text(&mut out, &text);
        expected.push(Message::text(text));
        write_binary(&mut out, &vec![9; len]);
        expected.push(Message::binary(vec![9; len]));
        write_ping(&mut out, &[1; 3]);
        expected.push(Message::Ping(vec![1; 3].into()));
        write_pong(&mut out, &[2; 3]);
        expected.push(Message::Pong(vec![2; 3].into()));
    }
    write_close(&mut out, Some(1009), "Max payload size exceeded");
    expected.push(Message::Close(Some(CloseFrame {
        code: CloseCode::Size,
        reason: "Max payload size exceeded".into(),
    })));
    let wire = Wire {
        incoming: io::Cursor::new(out),
        written: Vec::new(),
    };
    let mut client = WebSocket::from_raw_socket(wire, Role::Client, None);
    for message in expected {
        assert!(client.read()? == message);
    }
    Ok(())
}
