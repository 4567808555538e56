//! A client of long-polling for the tests of this crate.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(10);

fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).expect("the server listens");
    stream
        .set_read_timeout(Some(TIMEOUT))
        .expect("a timeout can be set");
    stream
}

/// Sends a request of long-polling on a connection of its own. Returns status and body of the answer.
pub(crate) fn ask(port: u16, method: &str, session: &str, body: &str) -> (String, String) {
    let mut stream = connect(port);
    let length = body.len();
    let head = format!(
        "{method} /socket.io/?EIO=4&transport=polling{session} HTTP/1.1\r\nHost: a\r\n\
         Connection: close\r\nContent-Length: {length}\r\n\r\n"
    );
    stream
        .write_all((head + body).as_bytes())
        .expect("the server reads");
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .expect("the server answers");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    (head[9..12].to_owned(), body.to_owned())
}
