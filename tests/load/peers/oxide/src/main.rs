//! The load tests' server on socketioxide and plain hyper: `bench-oxide [--port N] [--threads N]`.
//!
//! What the events do is written down in `tests/load/README.md`; every peer does the same.

use std::io::Read;
use std::net::Ipv4Addr;

use bytes::Bytes;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use socketioxide::SocketIo;
use socketioxide::extract::{AckSender, Data, SocketRef};
use tokio::net::TcpListener;

fn on_connect(socket: SocketRef) {
    socket.on("echo", async |socket: SocketRef, Data::<Value>(x)| {
        let _gone = socket.emit("echo", &x);
    });
    socket.on("ack", async |Data::<Value>(x), ack: AckSender| {
        let _gone = ack.send(&x);
    });
    socket.on("bin", async |socket: SocketRef, Data::<Bytes>(x)| {
        let _gone = socket.emit("bin", &x);
    });
    socket.on("bcast", async |io: SocketIo, Data::<Value>(x)| {
        let _gone = io.emit("bcast", &x).await;
    });
    socket.on(
        "room",
        async |io: SocketIo, Data::<(String, Value)>((room, x))| {
            let _gone = io.to(room).emit("room", &x).await;
        },
    );
    socket.on(
        "join",
        async |socket: SocketRef, Data::<String>(room), ack: AckSender| {
            socket.join(room);
            let _gone = ack.send(&true);
        },
    );
}

async fn serve(port: u16) -> std::io::Result<()> {
    let (service, io) = SocketIo::new_svc();
    io.ns("/", async |socket: SocketRef| on_connect(socket));

    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    println!("listening on {}", listener.local_addr()?.port());
    loop {
        let (stream, _peer) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let service = service.clone();
        tokio::spawn(async move {
            let _closed = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .with_upgrades()
                .await;
        });
    }
}

/// Ends the process when the process that started it has ended.
fn end_with_stdin() {
    std::thread::spawn(|| {
        let mut rest = [0; 64];
        while matches!(std::io::stdin().read(&mut rest), Ok(n) if n > 0) {}
        std::process::exit(0);
    });
}

fn main() -> std::io::Result<()> {
    let mut port = 0;
    let mut threads = 1;
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let value = words.next().and_then(|v| v.parse::<u16>().ok());
        match (word.as_str(), value) {
            ("--port", Some(n)) => port = n,
            ("--threads", Some(n)) => threads = n,
            _ => {
                return Err(std::io::Error::other(
                    "usage: bench-oxide [--port N] [--threads N]",
                ));
            }
        }
    }
    end_with_stdin();
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(usize::from(threads.max(1)))
        .enable_all()
        .build()?
        .block_on(serve(port))
}
