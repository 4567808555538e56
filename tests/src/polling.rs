//! An Engine.IO session over HTTP long-polling.

use std::time::Duration;

use serde_json::Value;

use crate::http::{Http, Response};
use crate::refusal::SESSION_UNKNOWN;
use crate::server::{Endpoint, Server};

/// The separator between two packets of a payload.
pub const SEPARATOR: char = '\x1e';

/// How long a test watches a waiting poll for a response that must not come.
const SILENCE: Duration = Duration::from_millis(100);

/// Returns when the server has handed on what was sent to it before on any connection: it has opened sessions since, and
/// requests of sessions are taken in the order of their arrival.
pub fn settle(endpoint: &Endpoint) {
    for _ in 0..2 {
        let mut later = Polling::to(endpoint, "EIO=4&transport=polling");
        later.post_response("1");
    }
}

/// A polling session, with one connection for polls and one for posts.
#[derive(Debug)]
pub struct Polling {
    endpoint: Endpoint,
    get: Http,
    post: Http,
    /// The Engine.IO session id.
    pub sid: String,
    /// The content of the open packet.
    pub open: Value,
}

impl Polling {
    /// Opens a session.
    pub fn connect(server: &Server) -> Self {
        Self::to(server.endpoint(), "EIO=4&transport=polling")
    }

    /// Opens a session with this query.
    pub fn to(endpoint: &Endpoint, query: &str) -> Self {
        let mut get = Http::connect(endpoint);
        let response = get.request("GET", &format!("{}?{query}", endpoint.path), &[], b"");
        assert_eq!(response.status, 200, "handshake: {:?}", response.text());
        let packet = response.text();
        let json = packet
            .strip_prefix('0')
            .unwrap_or_else(|| panic!("no open packet: {packet}"));
        let open: Value = serde_json::from_str(json).expect("an open packet is JSON");
        let sid = open["sid"].as_str().expect("a sid is text").to_owned();
        Self {
            endpoint: endpoint.clone(),
            get,
            post: Http::connect(endpoint),
            sid,
            open,
        }
    }

    /// The path and query of the session's requests.
    pub fn target(&self) -> String {
        format!(
            "{}?EIO=4&transport=polling&sid={}",
            self.endpoint.path, self.sid
        )
    }

    /// Sends a poll without waiting for its response.
    pub fn start_poll(&mut self) {
        let target = self.target();
        self.get.send("GET", &target, &[], b"");
    }

    /// Sends a poll and waits until the server has received it and keeps it waiting.
    #[track_caller]
    pub fn wait_in_poll(&mut self) {
        self.start_poll();
        assert!(self.get.wire().is_silent_for(SILENCE), "an answer already");
        settle(&self.endpoint);
    }

    /// Receives the response to a poll that was sent.
    pub fn finish_poll(&mut self) -> Vec<String> {
        let response = self.get.receive();
        assert_eq!(response.status, 200, "poll: {:?}", response.text());
        response
            .text()
            .split(SEPARATOR)
            .map(str::to_owned)
            .collect()
    }

    /// Polls once and returns the packets.
    pub fn poll(&mut self) -> Vec<String> {
        self.start_poll();
        self.finish_poll()
    }

    /// Polls until `count` packets have arrived: the answers to one request may
    /// arrive in several polls.
    pub fn collect(&mut self, count: usize) -> Vec<String> {
        let mut packets = self.poll();
        while packets.len() < count {
            packets.extend(self.poll());
        }
        packets
    }

    /// Polls once and returns the response with any status.
    pub fn poll_response(&mut self) -> Response {
        self.start_poll();
        self.get.receive()
    }

    /// Asserts that the session no longer exists on the server.
    #[track_caller]
    pub fn check_gone(&mut self) {
        let response = self.poll_response();
        assert_eq!((response.status, response.text()), (400, SESSION_UNKNOWN));
    }

    /// Posts a payload and returns the response with any status.
    pub fn post_response(&mut self, payload: &str) -> Response {
        let target = self.target();
        let headers = [("Content-Type", "text/plain;charset=UTF-8")];
        self.post
            .request("POST", &target, &headers, payload.as_bytes())
    }

    /// Sends a post without waiting for its response.
    pub fn start_post(&mut self, payload: &str) {
        let target = self.target();
        self.post.send("POST", &target, &[], payload.as_bytes());
    }

    /// The connection used for posts.
    pub fn post_connection(&mut self) -> &mut Http {
        &mut self.post
    }

    /// Sends the head of a POST with a body of this many bytes, and the first bytes of the body, on a connection of its own.
    pub fn begin_post(&self, length: usize, part: &str) -> Http {
        let mut http = Http::connect(&self.endpoint);
        http.write(format!(
            "POST {} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{part}",
            self.target()
        ));
        http
    }

    /// Posts a payload and asserts that it is accepted.
    pub fn post(&mut self, payload: &str) {
        let response = self.post_response(payload);
        assert_eq!(
            (response.status, response.text()),
            (200, "ok"),
            "post of {payload:?}"
        );
    }

    /// The connection used for polls.
    pub fn get_connection(&mut self) -> &mut Http {
        &mut self.get
    }

    /// The address of the server.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }
}
