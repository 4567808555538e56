//! The server that the tests run against, and our deliberate differences.
//!
//! `BELLWIRE_SERVER` is `c` (default), `node`, `python` or `reference`. The program of `c` is
//! `BELLWIRE_ECHO`, or `build/examples/echo` by default. `BELLWIRE_DELIVERY` is its
//! delivery of events: `threads` (default), `polled` or `inline`.

use std::path::{Path, PathBuf};

/// A program that implements the echo contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnderTest {
    /// The official server.
    Reference,
    /// Bellwire with the C interface.
    C,
    /// Bellwire with the Node.js interface.
    Node,
    /// Bellwire with the Python interface.
    Python,
}

/// The deliberate differences from the official server.
///
/// A test that depends on one expects the official behaviour of the reference,
/// and the documented behaviour of Bellwire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    /// The official server answers 101 to a WebSocket handshake with an
    /// unsupported `EIO` and then writes an HTTP error into the WebSocket
    /// stream. Bellwire refuses it before the upgrade, with 400.
    RefusesUnsupportedProtocolBeforeUpgrade,
    /// An upgrade request for a path that is not the engine's gets 404. The
    /// official server does not respond, and ends the connection after a second.
    AnswersForeignUpgrades,
    /// Any byte of the client is a sign of life: the session ends
    /// pingInterval + pingTimeout after the last one. The official server requires
    /// the pong; another packet extends its deadline only once per ping.
    EveryByteIsLife,
    /// The official server runs packet middlewares of different packets in
    /// parallel, so later packets can overtake a slow one. Bellwire keeps the order.
    PacketMiddlewareKeepsOrder,
    /// A blocked handler stops the heartbeats of the official server, but not
    /// those of Bellwire.
    BlockedHandlerKeepsConnections,
    /// Numbers of parts are limited: fragments in a message, namespaces in a
    /// connection, and packets in a payload if the option is set.
    LimitsParts,
    /// An IPv4 client of a listener for both families has an IPv4 address, not
    /// one that is mapped into IPv6.
    UnmapsAddresses,
    /// Events of rooms are delivered on the thread that makes the change, so they
    /// are in order among themselves but not with the other events of a socket.
    TellsRoomsOnTheirOwn,
    /// A socket cannot leave the room of its id, so messages to the id reach it.
    KeepsRoomOfItsId,
    /// Request heads, bodies, messages and closing have deadlines.
    LimitsTime,
    /// Input that the official parsers accept only because JavaScript converts
    /// values implicitly is refused: base64 with other characters, numbers of
    /// attachments such as `1e0`, empty packets.
    StrictParser,
    /// The requests of a session are GET and POST. Bellwire refuses other methods
    /// with code 2; the official server responds with 500.
    RefusesOtherMethods,
    /// Requests that a server must refuse by RFC 9112 get 400, although Node.js
    /// accepts them: two Host headers, and transfer codings other than `chunked`.
    StrictHttp,
    /// HTTP/1.0 has no upgrades, and an HTTP/1.0 proxy does not forward a
    /// WebSocket: the request is refused, with the reason in the body. The
    /// official server responds with 101.
    RefusesUpgradesOverHttp10,
    /// A client may send messages after its upgrade request without waiting for
    /// the response. The official server loses those that arrive with the request.
    KeepsEarlyMessages,
    /// An option refuses requests, also for WebSockets, whose origin `cors` does
    /// not allow. The official server does not check the origin of a WebSocket.
    ChecksOrigins,
    /// A poll that waits when a probe arrives gets a noop at once; the official
    /// server checks for such a poll every 100 ms. The client completes the upgrade
    /// when its poll has returned, so the upgrade is faster.
    ReleasesPollAtOnce,
    /// Behind a trusted proxy, the address of a client is the one that the proxy
    /// reports. With the official server it is always the proxy's.
    TrustsProxies,
}

/// The server under test of this run.
pub fn server() -> UnderTest {
    match variable("BELLWIRE_SERVER").as_deref() {
        None | Some("c") => UnderTest::C,
        Some("node") => UnderTest::Node,
        Some("python") => UnderTest::Python,
        Some("reference") => UnderTest::Reference,
        Some(other) => panic!("BELLWIRE_SERVER is c, node, python or reference, not {other}"),
    }
}

/// Whether the server under test differs from the official one in this way.
pub fn differs(difference: Difference) -> bool {
    // With inline delivery, a blocked handler stops the engine's thread.
    let inline = variable("BELLWIRE_DELIVERY").as_deref() == Some("inline");
    if inline && difference == Difference::BlockedHandlerKeepsConnections {
        return false;
    }
    match server() {
        UnderTest::Reference => false,
        UnderTest::C | UnderTest::Python => true,
        // Node.js calls packet middlewares as the official server does: one that never
        // calls `next` holds back only its own packet.
        UnderTest::Node => difference != Difference::PacketMiddlewareKeepsOrder,
    }
}

/// The command line that starts the server under test.
pub fn command() -> Vec<String> {
    match server() {
        UnderTest::Reference => {
            let program = tests_folder().join("reference/echo.mjs");
            vec!["node".into(), text(&program)]
        }
        UnderTest::C => {
            let mut command = vec![text(&c_program())];
            if let Some(delivery) = variable("BELLWIRE_DELIVERY") {
                command.extend(["--delivery".into(), delivery]);
            }
            command
        }
        UnderTest::Node => {
            let program = tests_folder().with_file_name("examples/node/echo.js");
            vec!["node".into(), text(&program)]
        }
        UnderTest::Python => {
            // The environment of `make -C bindings/python install`.
            let python = tests_folder().with_file_name("build/python/bin/python");
            let program = tests_folder().with_file_name("examples/python/echo.py");
            vec![text(&python), text(&program)]
        }
    }
}

/// The folder of this package.
pub fn tests_folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn c_program() -> PathBuf {
    match variable("BELLWIRE_ECHO") {
        Some(program) => program.into(),
        None => tests_folder().with_file_name("build").join("examples/echo"),
    }
}

fn variable(name: &str) -> Option<String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the tests are configured by their environment"
    )]
    std::env::var(name).ok()
}

fn text(path: &Path) -> String {
    path.to_str().expect("paths are UTF-8").to_owned()
}
