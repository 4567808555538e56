//! Which server the tests run against, and where ours means to be different.
//!
//! `BELLWIRE_SERVER` is `c` (default), `node`, `python` or `reference`. The program of `c` is
//! `BELLWIRE_ECHO`, else `build/examples/echo`; `BELLWIRE_DELIVERY` is how it is told
//! what happens: `threads` (default), `polled` or `inline`.

use std::path::{Path, PathBuf};

/// A program that keeps the echo contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnderTest {
    /// The official server.
    Reference,
    /// Bellwire through C.
    C,
    /// Bellwire in Node.js.
    Node,
    /// Bellwire in Python.
    Python,
}

/// What Bellwire does differently from the official server, on purpose.
///
/// A test that asks for one of them expects official behaviour from the
/// reference and ours from Bellwire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    /// The official server answers 101 to a WebSocket handshake with an
    /// unsupported `EIO` and then writes an HTTP error into the WebSocket
    /// stream. Bellwire refuses it before the upgrade, with 400.
    RefusesUnsupportedProtocolBeforeUpgrade,
    /// An upgrade of a path that is not the engine's is answered 404; the
    /// official server says nothing and ends the connection after a second.
    AnswersForeignUpgrades,
    /// Any byte of the client is a sign of life: the session ends
    /// pingInterval + pingTimeout after the last one. The official server wants
    /// the pong, and lets another packet prolong the wait only once per ping.
    EveryByteIsLife,
    /// The official server runs packet middlewares of different packets side by
    /// side, so a slow one lets later packets overtake. Bellwire keeps order.
    PacketMiddlewareKeepsOrder,
    /// A blocked handler stops the heartbeats of a Node program, not ours.
    BlockedHandlerKeepsConnections,
    /// Numbers of parts are limited: fragments in a message, namespaces in a
    /// connection, and packets in a payload if the host wants that.
    LimitsParts,
    /// An IPv4 client of a listener for both families has an IPv4 address, not
    /// one that is mapped into IPv6.
    UnmapsAddresses,
    /// Changes of rooms are told on the thread that makes them, so they have an
    /// order among themselves but none with the other events of a socket.
    TellsRoomsOnTheirOwn,
    /// A socket cannot leave the room of its id: who knows the id reaches it.
    KeepsRoomOfItsId,
    /// Heads, bodies, messages and closing have to be finished in time.
    LimitsTime,
    /// What only passes the official parsers because JavaScript converts freely
    /// is refused: base64 with other characters in it, numbers of attachments
    /// such as `1e0`, empty packets.
    StrictParser,
    /// A session is asked with GET and POST; the official server answers 500 to
    /// other methods, as if it had failed. Bellwire refuses them with code 2.
    RefusesOtherMethods,
    /// What RFC 9112 tells a server to refuse is refused with 400, although Node
    /// takes it: two Host headers, and transfer codings other than `chunked`.
    StrictHttp,
    /// HTTP/1.0 has no upgrades, and a proxy that speaks it does not pass on the
    /// WebSocket behind one: the request is refused with the reason as its text.
    /// The official server answers 101.
    RefusesUpgradesOverHttp10,
    /// A client may write messages behind its upgrade request without waiting for
    /// the answer. The official server loses what comes with the request.
    KeepsEarlyMessages,
    /// On demand, requests of pages that `cors` does not name are refused,
    /// WebSockets included. The official server never looks at the origin of one.
    ChecksOrigins,
    /// A poll that waits when a probe comes is answered with a noop at once. The
    /// official server looks for one every 100 ms. The client completes the
    /// upgrade when its poll has returned, so it is upgraded sooner.
    ReleasesPollAtOnce,
    /// Behind a proxy that is trusted, a client has the address that the proxy
    /// saw; with the official server always the proxy's.
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
    // A handler on the engine's own threads must not block, and then is not helped.
    let inline = variable("BELLWIRE_DELIVERY").as_deref() == Some("inline");
    if inline && difference == Difference::BlockedHandlerKeepsConnections {
        return false;
    }
    match server() {
        UnderTest::Reference => false,
        UnderTest::C | UnderTest::Python => true,
        // There packet middlewares are called as in the official server: one that
        // never calls `next` swallows its own packet, and no other.
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
            // Where `make -C bindings/python install` has installed the package.
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
