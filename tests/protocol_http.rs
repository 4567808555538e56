//! HTTP/1.1 below Engine.IO: connections, framing, invalid requests, addresses.

use std::net::SocketAddr;
use std::sync::LazyLock;
use std::time::Duration;

use conformance::{Client, Difference, Endpoint, Http, Polling, Server, Wire, differs, http};
use serde_json::json;

static SERVER: LazyLock<Server> = LazyLock::new(|| Server::raw(&json!({})));

const HANDSHAKE: &str = "/engine.io/?EIO=4&transport=polling";

/// Sends an invalid request. Checks that the server responds with one of these
/// statuses or none, ends the connection, and continues to serve others.
#[track_caller]
fn check_refused(bytes: &[u8], statuses: &[u16]) {
    let mut wire = Wire::connect(SERVER.endpoint().address);
    // The server may end the connection before it has read everything.
    let _ = wire.try_write(bytes);
    wire.finish();
    let answer = wire.read_to_end();
    let answer = String::from_utf8_lossy(&answer);
    let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(100)]);
    if !answer.is_empty() {
        let status = answer
            .strip_prefix("HTTP/1.1 ")
            .and_then(|rest| rest[..3].parse().ok());
        assert!(
            status.is_some_and(|status| statuses.contains(&status)),
            "{shown:?}: {answer}"
        );
    }
    assert_eq!(SERVER.get("EIO=4&transport=polling").status, 200);
}

// Connections.

#[test]
fn a_connection_is_kept() {
    let mut http = Http::connect(SERVER.endpoint());
    for _ in 0..5 {
        assert_eq!(http.request("GET", HANDSHAKE, &[], b"").status, 200);
        assert_eq!(
            http.request("GET", "/engine.io/?EIO=4", &[], b"").status,
            400
        );
        assert_eq!(http.request("GET", "/elsewhere", &[], b"").status, 404);
    }
}

#[test]
fn a_connection_ends_when_the_client_says_so() {
    let mut http = Http::connect(SERVER.endpoint());
    let response = http.request("GET", HANDSHAKE, &[("Connection", "close")], b"");
    assert_eq!(response.status, 200);
    assert_eq!(
        response.header("connection").map(str::to_ascii_lowercase),
        Some("close".into())
    );
    http.wire().expect_end();
}

#[test]
fn http_1_0_is_answered_and_ends() {
    let mut http = Http::connect(SERVER.endpoint());
    http.write(format!("GET {HANDSHAKE} HTTP/1.0\r\n\r\n"));
    let answer = http.wire().read_to_end();
    let answer = String::from_utf8_lossy(&answer);
    let line = answer.lines().next().expect("a status line");
    assert!(
        line.starts_with("HTTP/1.") && line.ends_with(" 200 OK"),
        "{answer}"
    );
    assert!(answer.contains("\r\n\r\n0{"), "{answer}");
}

#[test]
fn requests_may_be_pipelined() {
    let targets = [
        HANDSHAKE,
        "/elsewhere",
        HANDSHAKE,
        "/engine.io/?EIO=4",
        HANDSHAKE,
    ];
    let bytes = targets.map(|target| http::request("GET", target, &[], b""));
    let mut http = Http::connect(SERVER.endpoint());
    http.write(bytes.concat());
    let statuses = targets.map(|_| http.receive().status);
    assert_eq!(statuses, [200, 404, 200, 400, 200]);
}

#[test]
fn a_request_may_come_byte_by_byte() {
    let mut http = Http::connect(SERVER.endpoint());
    for byte in http::request("GET", HANDSHAKE, &[("X-Header", "value")], b"") {
        http.write([byte]);
    }
    assert_eq!(http.receive().status, 200);
}

#[test]
fn a_client_may_wait_before_it_sends_the_body() {
    let mut polling = Polling::connect(&SERVER);
    let mut http = Http::connect(SERVER.endpoint());
    http.write(format!(
        "POST {} HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 6\r\n\r\n",
        polling.target()
    ));
    assert_eq!(http.receive_head().status, 100);
    http.write("4hello");
    assert_eq!(http.receive().text(), "ok");
    assert_eq!(polling.poll(), ["4hello"]);
}

#[test]
fn a_body_on_a_get_does_no_harm() {
    let mut http = Http::connect(SERVER.endpoint());
    let headers = [("Content-Length", "5")];
    assert_eq!(
        http.request("GET", HANDSHAKE, &headers, b"12345").status,
        200
    );
    assert_eq!(http.request("GET", HANDSHAKE, &[], b"").status, 200);
}

#[test]
fn a_body_elsewhere_does_no_harm() {
    let mut http = Http::connect(SERVER.endpoint());
    assert_eq!(
        http.request("POST", "/elsewhere", &[], &[b'x'; 100_000])
            .status,
        404
    );
}

#[test]
fn a_refused_post_leaves_the_connection_usable_or_closed() {
    let mut http = Http::connect(SERVER.endpoint());
    let target = "/engine.io/?EIO=4&transport=polling&sid=unknown";
    let response = http.request("POST", target, &[], &[b'x'; 1000]);
    assert_eq!(response.status, 400);
    if response
        .header("connection")
        .is_some_and(|value| value.eq_ignore_ascii_case("close"))
    {
        http.wire().expect_end();
    } else {
        assert_eq!(http.request("GET", HANDSHAKE, &[], b"").status, 200);
    }
}

#[test]
fn header_names_do_not_care_about_case() {
    let mut http = Http::connect(SERVER.endpoint());
    http.write(format!(
        "GET {HANDSHAKE} HTTP/1.1\r\nHOST: a\r\ncOnNeCtIoN: Close\r\n\r\n"
    ));
    assert_eq!(http.receive().status, 200);
    http.wire().expect_end();
}

// Invalid requests.

#[test]
fn requests_that_are_none() {
    for bytes in [
        &b"\r\n\r\nnonsense\r\n\r\n"[..],
        b"nonsense\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /engine.io/\r\n\r\n",
        b"GET /engine.io/ HTTP/9.9\r\n\r\n",
        b"GET /engine.io/ HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET /engine.io/ HTTP/1.1\r\n: no name\r\n\r\n",
        b"GET /engine.io/ HTTP/1.1\r\nA b: c\r\n\r\n",
        b"GET /engine.io/ HTTP/1.1\r\nA: b\0c\r\n\r\n",
        b"G\0T /engine.io/ HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\xff\xfe\xfd",
        b"GET /engine.io/?EIO=4&transport=polling HTT",
    ] {
        check_refused(bytes, &[400, 404, 505]);
    }
}

#[test]
fn bodies_whose_length_is_unclear() {
    let polling = Polling::connect(&SERVER);
    for headers in [
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: -1\r\n",
        "Content-Length: 5x\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: 99999999999999999999999\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: gzip\r\n",
    ] {
        let request = format!(
            "POST {} HTTP/1.1\r\nHost: a\r\n{headers}\r\n4hell\r\n0\r\n\r\n",
            polling.target()
        );
        check_refused(request.as_bytes(), &[400, 411, 413, 501]);
    }
}

#[test]
fn chunks_that_are_none() {
    for body in [
        "x\r\n",
        "-1\r\n",
        "fffffffffffffffff\r\n",
        "2\r\n4aXX0\r\n\r\n",
    ] {
        let polling = Polling::connect(&SERVER);
        let request = format!(
            "POST {} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{body}",
            polling.target()
        );
        check_refused(request.as_bytes(), &[400, 413]);
    }
}

#[test]
fn heads_that_are_too_long() {
    let long = "x".repeat(100_000);
    check_refused(
        format!("GET {HANDSHAKE}&t={long} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes(),
        &[400, 414, 431],
    );
    check_refused(
        format!("GET {HANDSHAKE} HTTP/1.1\r\nHost: a\r\nX: {long}\r\n\r\n").as_bytes(),
        &[400, 431],
    );
    let many: String = (0..5000).map(|i| format!("X-{i}: value\r\n")).collect();
    check_refused(
        format!("GET {HANDSHAKE} HTTP/1.1\r\nHost: a\r\n{many}\r\n").as_bytes(),
        &[400, 431],
    );
}

#[test]
fn a_head_that_never_ends_is_cut_off() {
    let mut wire = Wire::connect(SERVER.endpoint().address);
    wire.write(format!("GET {HANDSHAKE} HTTP/1.1\r\nHost: a\r\n").as_bytes());
    let line = format!("X: {}\r\n", "y".repeat(1000));
    let written = (0..10_000)
        .take_while(|_| wire.try_write(line.as_bytes()).is_ok())
        .count();
    assert!(written < 10_000, "ten megabytes of head were taken");
}

// Addresses.

#[test]
fn the_server_listens_where_it_is_told() {
    let server = Server::with_arguments(&json!({}), &["--host", "127.0.0.1"]);
    let port = server.endpoint().address.port();
    let other: SocketAddr = format!("[::1]:{port}").parse().expect("an address");
    assert!(std::net::TcpStream::connect_timeout(&other, Duration::from_secs(1)).is_err());
}

#[test]
fn ipv6() {
    let server = Server::with_arguments(&json!({}), &["--host", "::1"]);
    assert!(server.endpoint().address.is_ipv6());
    let mut client = Client::connect(&server);
    let handshake = client.call(&json!(["handshake"])).remove(0);
    assert_eq!(handshake["address"], json!("::1"));
}

#[test]
fn every_address_of_both_families() {
    let server = Server::with_arguments(&json!({}), &["--host", ""]);
    let mut four = Client::connect(&server);
    let handshake = four.call(&json!(["handshake"])).remove(0);
    let expected = match differs(Difference::UnmapsAddresses) {
        true => "127.0.0.1",
        false => "::ffff:127.0.0.1",
    };
    assert_eq!(handshake["address"], json!(expected));
    let port = server.endpoint().address.port();
    let address = format!("[::1]:{port}").parse().expect("an address");
    let endpoint = Endpoint {
        address,
        path: "/socket.io/".into(),
    };
    let mut polling = Polling::to(&endpoint, "EIO=4&transport=polling");
    polling.post("40");
    assert!(polling.poll()[0].starts_with("40{"));
}
