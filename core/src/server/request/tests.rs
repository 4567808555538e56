//! Requests without a socket and without an HTTP library.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, UPGRADE};
use http::{Request, StatusCode};

use crate::config::Config;
use crate::host::Handler;
use crate::server::Server;
use crate::server::arrivals::Arrival;
use crate::server::request::{Admission, Body, EngineRequest, Lost, Peer, Purpose, Reply, handle};
use crate::socketio::Event;
use crate::socketio::event::{Hook, RequestEvent, What};

const ENGINE: &str = "/socket.io/?EIO=4&transport=polling";

/// Accepts every session, with the header `x-seen`: the address of the client and whether the connection is encrypted.
struct Host;

impl Handler for Host {
    fn handle(&self, event: &Event<'_>) {
        if let What::Request(request, RequestEvent::Headers { question, .. }) = &event.what {
            let seen = format!("{} {}", request.address(), request.secure());
            question.set_header("x-seen", &seen).unwrap();
            question.accept().unwrap();
        }
    }
}

/// A body that is there at once.
struct Whole(Option<Bytes>);

impl Body for Whole {
    fn hint(&self) -> u64 {
        self.0.as_ref().map_or(0, |bytes| bytes.len() as u64)
    }

    async fn next(&mut self) -> Option<Result<Bytes, Lost>> {
        self.0.take().map(Ok)
    }

    async fn half_closed(&mut self) {
        std::future::pending().await
    }
}

/// A body whose client has left.
struct Left;

impl Body for Left {
    fn hint(&self) -> u64 {
        0
    }

    async fn next(&mut self) -> Option<Result<Bytes, Lost>> {
        Some(Err(Lost))
    }

    async fn half_closed(&mut self) {}
}

fn server() -> Arc<Server> {
    Server::new(&Config::default(), Arc::new(Host)).unwrap()
}

/// Handles one request as a connection of its own.
fn reply(server: &Server, request: http::request::Builder, body: impl Body) -> Reply {
    let shared = &server.shared;
    let (head, ()) = request.body(()).unwrap().into_parts();
    let peer = Peer {
        address: [192, 0, 2, 1].into(),
        port: 4711,
        secure: true,
    };
    let arrival = Arrival::of_task(&shared.arrivals);
    let request = EngineRequest::new(shared, head, None, peer, Admission::Served, &arrival);
    shared
        .runtime
        .block_on(arrival.run(handle(shared, &request, body)))
}

fn answered(server: &Server, request: http::request::Builder, body: &str) -> (StatusCode, String) {
    let body = Whole(Some(Bytes::copy_from_slice(body.as_bytes())));
    let Reply::Answer(answer) = reply(server, request, body) else {
        panic!("the request is answered");
    };
    let text = String::from_utf8(answer.body().to_vec()).unwrap();
    (answer.status(), text)
}

/// Opens a session with long-polling; returns its URL.
fn open(server: &Server) -> String {
    let (status, open) = answered(server, Request::get(ENGINE), "");
    assert_eq!(status, StatusCode::OK);
    let sid = open.split('"').nth(3).unwrap();
    assert!(open.starts_with("0{\"sid\":\""), "{open}");
    format!("{ENGINE}&sid={sid}")
}

#[test]
fn a_session_is_opened_and_polled() {
    let server = server();
    let url = open(&server);
    let accepted = (StatusCode::OK, "ok".to_owned());
    assert_eq!(answered(&server, Request::post(&url), "40"), accepted);
    let (status, connected) = answered(&server, Request::get(&url), "");
    assert_eq!(status, StatusCode::OK);
    assert!(connected.starts_with("40{\"sid\":\""), "{connected}");
    assert_eq!(answered(&server, Request::post(&url), "1"), accepted);
    server.stop();
}

#[test]
fn a_request_is_refused_with_the_code_of_the_protocol() {
    let server = server();
    let url = open(&server);
    for (request, code) in [
        (Request::get("/socket.io/?EIO=4&transport=tcp"), 0),
        (Request::get(format!("{ENGINE}&sid=x")), 1),
        (Request::put(ENGINE), 2),
        (Request::put(&url), 2),
        (Request::get(url.replace("polling", "websocket")), 3),
        (Request::get(url.replace("EIO=4", "EIO=3")), 3),
        (Request::get("/socket.io/?EIO=3&transport=polling"), 5),
    ] {
        let text = format!("{request:?}");
        let (status, body) = answered(&server, request, "");
        assert_eq!(status, StatusCode::BAD_REQUEST, "{text}");
        let start = format!("{{\"code\":{code},");
        assert!(body.starts_with(&start), "{text}: {body}");
    }
    let (status, _) = answered(&server, Request::get("/elsewhere"), "");
    assert_eq!(status, StatusCode::NOT_FOUND);
    server.stop();
}

#[test]
fn an_upgrade_switches_the_connection() {
    let server = server();
    let upgrade = |url: &str| {
        Request::get(url)
            .header(CONNECTION, "keep-alive, Upgrade")
            .header(UPGRADE, "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
    };
    let url = open(&server).replace("polling", "websocket");
    let opening = ENGINE.replace("polling", "websocket");
    for (url, fits) in [
        (
            &*opening,
            (|it| matches!(it, Purpose::Open { .. })) as fn(&Purpose) -> bool,
        ),
        (&*url, |it| matches!(it, Purpose::TakeOver { .. })),
        (ENGINE, |it| matches!(it, Purpose::Close)),
    ] {
        let Reply::Switch(answer, purpose) = reply(&server, upgrade(url), Whole(None)) else {
            panic!("{url} is accepted");
        };
        assert_eq!(answer.status(), StatusCode::SWITCHING_PROTOCOLS);
        let accept = &answer.headers()[SEC_WEBSOCKET_ACCEPT];
        assert_eq!(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert!(fits(&purpose), "{url}");
    }
    server.stop();
}

#[test]
fn the_host_sees_the_peer() {
    let server = server();
    server.hooks().add(Hook::Headers);
    let Reply::Answer(answer) = reply(&server, Request::get(ENGINE), Whole(None)) else {
        panic!("the request is answered");
    };
    assert_eq!(answer.headers()["x-seen"], "192.0.2.1 true");
    server.stop();
}

#[test]
fn a_client_that_has_left_gets_no_answer() {
    let server = server();
    let url = open(&server);
    let reply = reply(&server, Request::get(url), Left);
    assert!(matches!(reply, Reply::Abandon));
    server.stop();
}
