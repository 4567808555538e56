//! An echo server as a child process.
//!
//! A shell runs the server and ends it when the standard input of the shell
//! closes, so a server never outlives the tests, even if they crash.

use std::io::{BufRead, BufReader, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};

use crate::http::{Http, Response};
use crate::under_test;
use crate::wire::{TIMEOUT, eventually_within};

/// Runs "$@" and sends it the signal that is named on standard input, or SIGTERM
/// when the input ends.
const GUARD: &str = r#"
exec 3<&0
"$@" </dev/null 3<&- &
pid=$!
echo "pid $pid"
( read -r name <&3; kill -"${name:-TERM}" "$pid" ) >/dev/null 2>&1 &
exec 3<&-
wait "$pid"
"#;

/// The address of a server.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Address and port.
    pub address: SocketAddr,
    /// The engine's path with its trailing slash, such as `/socket.io/`.
    pub path: String,
}

/// A running server. Its drop stops the server and checks the exit status.
#[derive(Debug)]
pub struct Server {
    guard: Child,
    signals: Option<ChildStdin>,
    lines: Mutex<Receiver<String>>,
    endpoint: Endpoint,
    pid: u32,
    exit_status: i32,
}

impl Server {
    /// A Socket.IO server with default options.
    pub fn start() -> Self {
        Self::with(&json!({}))
    }

    /// A Socket.IO server with these options.
    pub fn with(options: &Value) -> Self {
        Self::spawn(
            &["--options", &options.to_string()],
            path_of(options, "/socket.io"),
        )
    }

    /// A Socket.IO server with these options and more command line arguments.
    pub fn with_arguments(options: &Value, arguments: &[&str]) -> Self {
        let text = options.to_string();
        let mut all = vec!["--options", &text];
        all.extend(arguments);
        Self::spawn(&all, path_of(options, "/socket.io"))
    }

    /// An Engine.IO server at `/engine.io` with these options.
    pub fn raw(options: &Value) -> Self {
        let mut options = options.clone();
        options["path"] = json!("/engine.io");
        Self::spawn(
            &["--raw", "--options", &options.to_string()],
            "/engine.io/".into(),
        )
    }

    /// Another program that prints its address, with its command line.
    pub fn program(program: &Path, arguments: &[&str], path: &str) -> Self {
        let program = program.to_str().expect("paths are UTF-8").to_owned();
        Self::run(&[program], arguments, path.to_owned())
    }

    fn spawn(arguments: &[&str], path: String) -> Self {
        Self::run(&under_test::command(), arguments, path)
    }

    fn run(command: &[String], arguments: &[&str], path: String) -> Self {
        let mut guard = Command::new("sh")
            .args(["-c", GUARD, "sh"])
            .args(command)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell can be started");
        let signals = guard.stdin.take();
        let output = BufReader::new(guard.stdout.take().expect("the output is piped"));
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in output.lines() {
                let Ok(line) = line else { return };
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let (mut pid, mut port) = (None, None);
        while pid.is_none() || port.is_none() {
            let line = lines
                .recv_timeout(TIMEOUT)
                .unwrap_or_else(|_| panic!("the server did not start: {command:?} {arguments:?}"));
            if let Some(number) = line.strip_prefix("pid ") {
                pid = number.parse().ok();
            } else if let Some(number) = line.strip_prefix("listening on ") {
                port = number.parse().ok();
            } else {
                panic!("unexpected output of the server: {line}");
            }
        }
        let address = SocketAddr::new(host_of(arguments), port.expect("the loop ends with a port"));
        Self {
            guard,
            signals,
            lines: Mutex::new(lines),
            endpoint: Endpoint { address, path },
            pid: pid.expect("the loop ends with a process number"),
            exit_status: 0,
        }
    }

    /// Expects this exit status instead of 0.
    pub fn shall_end_with(&mut self, status: i32) {
        self.exit_status = status;
    }

    /// The address on which it listens.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The process id of the server.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// The response to a GET of the engine's path with this query, on a new
    /// connection.
    pub fn get(&self, query: &str) -> Response {
        self.ask("GET", query, &[], b"")
    }

    /// The response to a request of the engine's path with this query.
    pub fn ask(
        &self,
        method: &str,
        query: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Response {
        let target = format!("{}?{query}", self.endpoint.path);
        Http::connect(&self.endpoint).request(method, &target, headers, body)
    }

    /// Number of open descriptors of the server process.
    pub fn open_descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.pid))
            .expect("the server is alive")
            .count()
    }

    /// Resident memory of the server process in bytes.
    pub fn resident_bytes(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid))
            .expect("the server is alive");
        let line = status
            .lines()
            .find(|line| line.starts_with("VmRSS:"))
            .expect("a VmRSS line");
        let kib: usize = line
            .split_whitespace()
            .nth(1)
            .and_then(|number| number.parse().ok())
            .expect("VmRSS is a number");
        kib * 1024
    }

    /// Sends SIGTERM and asserts that the server exits with 0 and has written
    /// nothing else to its output.
    pub fn stop(self) {
        drop(self);
    }

    /// Sends the named signal (`INT`, `TERM`) without waiting for the end.
    pub fn signal(&mut self, name: &str) {
        let mut signals = self.signals.take().expect("a server is signalled once");
        writeln!(signals, "{name}").expect("the guard reads its input");
    }

    /// Waits for the end of a signalled server and returns its exit status.
    pub fn wait(&mut self) -> i32 {
        self.signals = None;
        // Output of handlers that still run is read until the end.
        let status = eventually_within(4 * TIMEOUT, "the end of the server", || {
            self.guard.try_wait().expect("the guard is our child")
        });
        status.code().expect("the guard ends by itself")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // The test has failed already: stop at once, without another panic.
            if let Some(mut signals) = self.signals.take() {
                let _ = writeln!(signals, "KILL");
            }
            let _ = self.guard.wait();
            return;
        }
        let code = self.wait();
        assert_eq!(code, self.exit_status, "exit status of the server");
        let lines = self
            .lines
            .get_mut()
            .expect("no thread has panicked with the lock");
        if let Ok(line) = lines.recv_timeout(Duration::from_secs(1)) {
            panic!("unexpected output of the server: {line}");
        }
    }
}

fn path_of(options: &Value, default: &str) -> String {
    let path = options["path"]
        .as_str()
        .unwrap_or(default)
        .trim_end_matches('/');
    match options["addTrailingSlash"].as_bool() {
        Some(false) => path.to_owned(),
        _ => format!("{path}/"),
    }
}

fn host_of(arguments: &[&str]) -> IpAddr {
    let host = arguments
        .iter()
        .skip_while(|argument| **argument != "--host")
        .nth(1);
    host.and_then(|host| host.parse().ok())
        .unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
}
