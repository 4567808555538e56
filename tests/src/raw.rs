//! The log of a raw Engine.IO server (`--raw`).

use serde_json::Value;

use crate::server::Server;
use crate::websocket::WebSocket;
use crate::wire::eventually;

/// Reads the log lines of a raw server through a new session.
pub fn log(server: &Server) -> Vec<String> {
    let mut websocket = WebSocket::connect(server);
    websocket.receive_text();
    websocket.text("4log");
    let mut answer = websocket.receive_text();
    while answer == "2" {
        answer = websocket.receive_text();
    }
    let lines: Value = serde_json::from_str(&answer[1..]).expect("the log is JSON");
    let lines = lines.as_array().expect("the log is an array");
    lines
        .iter()
        .map(|line| line.as_str().expect("log lines are text").to_owned())
        .collect()
}

/// Waits until the session has ended, and returns the reason.
pub fn reason_of(server: &Server, sid: &str) -> String {
    let start = format!("disconnect {sid} ");
    eventually(&format!("the end of session {sid}"), || {
        log(server)
            .iter()
            .find_map(|line| line.strip_prefix(&start).map(str::to_owned))
    })
}
