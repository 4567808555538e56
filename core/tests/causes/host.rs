//! A server whose host records how each socket ended.

use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use bellwire_core::cause::CauseKind;
use bellwire_core::config::Config;
use bellwire_core::host::Handler;
use bellwire_core::log::listener::{Level, ServerId, listen};
use bellwire_core::server::Server;
use bellwire_core::socketio::Event;
use bellwire_core::socketio::event::{RequestEvent, SocketEvent, What};

use crate::TIMEOUT;
use crate::record::{LOG, Record, ToLog};

/// The end of a socket, as the host is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) reason: &'static str,
    pub(crate) kind: Option<CauseKind>,
    pub(crate) option: Option<&'static str>,
    pub(crate) limit: Option<u64>,
    pub(crate) seen: Option<u64>,
    pub(crate) text: String,
}

/// Which of the two events of a socket's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Disconnecting,
    Disconnected,
}

#[derive(Default)]
pub(crate) struct Events {
    pub(crate) ends: Record<(Stage, End)>,
    /// The handler holds this lock while it handles the refusal of a request, so that a test can keep it busy.
    pub(crate) refusals: Mutex<()>,
}

impl Handler for Events {
    fn handle(&self, event: &Event<'_>) {
        let (stage, reason) = match event.what {
            What::Socket(_, SocketEvent::Disconnecting { reason }) => {
                (Stage::Disconnecting, reason)
            }
            What::Socket(_, SocketEvent::Disconnect { reason }) => (Stage::Disconnected, reason),
            What::Request(_, RequestEvent::ConnectionError { .. }) => {
                drop(self.refusals.lock());
                return;
            }
            _ => return,
        };
        let cause = event.cause();
        let end = End {
            reason: reason.as_str(),
            kind: cause.map(|cause| cause.kind()),
            option: cause.and_then(|cause| cause.option()),
            limit: cause.and_then(|cause| cause.limit_value()),
            seen: cause.and_then(|cause| cause.seen()),
            text: cause.map_or_else(String::new, |cause| cause.text().to_owned()),
        };
        self.ends.add((stage, end));
    }
}

pub(crate) struct Host {
    pub(crate) server: Arc<Server>,
    pub(crate) events: Arc<Events>,
    pub(crate) port: u16,
}

impl Host {
    pub(crate) fn new(delivery: &str, options: &str) -> Self {
        static LISTENING: OnceLock<()> = OnceLock::new();
        LISTENING.get_or_init(|| listen(&ToLog).expect("nothing else listens"));
        let mut config = Config::default();
        config.set_json(options).expect("good options");
        config
            .set_json(&format!(
                r#"{{"engine":{{"workerThreads":1,"delivery":"{delivery}"}}}}"#
            ))
            .expect("good options");
        let events = Arc::new(Events::default());
        let handler: Arc<dyn Handler> = Arc::clone(&events) as _;
        let server = Server::new(&config, handler).expect("a server");
        let port = server.listen_tcp("127.0.0.1", 0).expect("a port");
        server.of("/").expect("a namespace");
        Self {
            server,
            events,
            port,
        }
    }

    pub(crate) fn poll(&self) {
        if let Some(queue) = self.server.queue() {
            let _ = queue.poll(0, None, Some(Duration::ZERO));
        }
    }

    /// Waits for an event, a socket's last one or the one before, and returns what it said.
    pub(crate) fn end(&self, stage: Stage) -> Option<End> {
        let found = self
            .events
            .ends
            .find(|(of, _)| *of == stage, || self.poll());
        found.map(|(_, end)| end)
    }

    /// Waits for a line of this server's at debug that holds `part`.
    pub(crate) fn line(&self, part: &str) -> Option<String> {
        let id = self.server.log_id();
        let fits = |(server, level, text): &(ServerId, Level, String)| {
            *server == id && *level == Level::Debug && text.contains(part)
        };
        LOG.find(fits, || self.poll()).map(|(_, _, text)| text)
    }

    /// Waits until the counter is not 0, because it may change after the event, and returns it.
    pub(crate) fn counted(&self, name: &str) -> i64 {
        let end = Instant::now() + TIMEOUT;
        while self.counter(name) == 0 && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(1));
        }
        self.counter(name)
    }

    pub(crate) fn counter(&self, name: &str) -> i64 {
        self.server.stats().get(name).expect("a counter")
    }
}
