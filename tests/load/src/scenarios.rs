//! The table of scenarios: what load is put on a server, what of it is compared, and what Bellwire
//! is to reach there.

use crate::payload::{Argument, Reply};
use crate::process::Pinning;
use crate::servers::{BASELINE, OURS, Role, ServerKind};

#[derive(Clone, Copy, Debug)]
pub(crate) enum Load {
    /// Messages that are answered, this many at a time on each connection.
    Answered {
        argument: Argument,
        reply: Reply,
        in_flight: usize,
    },
    Broadcast {
        under_way: usize,
    },
    Rooms {
        members: usize,
    },
    LongPolling,
    Churn,
    OpenLoop {
        rate_per_s: u64,
    },
    Idle,
}

/// What a figure is held against.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Goal {
    /// The engine's is at most this many times the baseline's.
    Ratio(f64),
    /// Each binding's is at most this many times that of the peer in its language.
    Bindings(&'static [(&'static str, f64)]),
    /// At most this, whatever the baseline has.
    Value(f64),
    /// Shown for comparison only.
    None,
}

impl Goal {
    /// What this server is to reach, as a ratio to `Field::base`.
    pub(crate) fn ratio_of(self, server: &str) -> Option<f64> {
        match self {
            Self::Ratio(most) if server == OURS => Some(most),
            Self::Bindings(goals) => goals
                .iter()
                .find(|(name, _)| *name == server)
                .map(|(_, most)| *most),
            _ => None,
        }
    }
}

/// Who is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    /// The engine in its deliveries, all peers and the floor, by the cost of the whole process.
    Engine,
    /// The bindings and the peers of their languages, by the cost of the host's own thread.
    Bindings,
}

impl Field {
    pub(crate) fn has(self, server: &ServerKind) -> bool {
        match (self, server.role) {
            (_, Role::Peer) => true,
            (Self::Engine, role) => matches!(role, Role::Engine | Role::Rival | Role::Floor),
            (Self::Bindings, role) => matches!(role, Role::Binding(_)),
        }
    }

    /// The server whose figures this one's are divided by.
    pub(crate) fn base(self, server: &ServerKind) -> &'static str {
        match (self, server.role) {
            (Self::Bindings, Role::Binding(peer)) => peer,
            (Self::Bindings, _) => server.name,
            (Self::Engine, _) => BASELINE,
        }
    }
}

/// A column of the report.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figure {
    /// Its name in the rows.
    pub(crate) key: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) goal: Goal,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) clients: usize,
    pub(crate) load: Load,
    pub(crate) threads: usize,
    pub(crate) pinning: Pinning,
    pub(crate) field: Field,
    /// The first is the one the picture shows.
    pub(crate) figures: &'static [Figure],
}

const fn figure(key: &'static str, unit: &'static str, goal: Goal) -> Figure {
    Figure { key, unit, goal }
}

/// CPU time per message or delivery, at most this many times the baseline's.
macro_rules! cpu {
    ($ratio:expr) => {
        &[figure("cpu_us", "CPU µs", Goal::Ratio($ratio))]
    };
}

const CPU_ONLY: &[Figure] = &[figure("cpu_us", "CPU µs", Goal::None)];

const RATE: &[Figure] = &[
    figure("per_s", "messages/s", Goal::None),
    figure("cpu_us", "CPU µs", Goal::None),
];

const fn answered(
    name: &'static str,
    title: &'static str,
    argument: Argument,
    in_flight: usize,
    figures: &'static [Figure],
) -> Scenario {
    let load = Load::Answered {
        argument,
        reply: Reply::Event,
        in_flight,
    };
    apart(name, title, 100, load, figures)
}

const fn apart(
    name: &'static str,
    title: &'static str,
    clients: usize,
    load: Load,
    figures: &'static [Figure],
) -> Scenario {
    Scenario {
        name,
        title,
        clients,
        load,
        threads: 1,
        pinning: Pinning::Apart,
        field: Field::Engine,
        figures,
    }
}

/// On both cores, beside the load, which takes what it needs of them.
const fn workers(threads: usize, mut scenario: Scenario) -> Scenario {
    scenario.threads = threads;
    scenario.pinning = Pinning::Free;
    scenario
}

const fn bindings(mut scenario: Scenario) -> Scenario {
    scenario.field = Field::Bindings;
    scenario
}

const ONE_AT_A_TIME: Load = Load::Broadcast { under_way: 1 };

const fn echo_workers(name: &'static str, title: &'static str, threads: usize) -> Scenario {
    workers(threads, answered(name, title, Argument::Text(16), 8, RATE))
}

const fn broadcast_workers(name: &'static str, title: &'static str, threads: usize) -> Scenario {
    workers(threads, apart(name, title, 1_000, ONE_AT_A_TIME, RATE))
}

/// The figures of a binding: what its host's thread spends on an event, and what all threads do.
const fn host(goal: Goal) -> [Figure; 3] {
    [
        figure("host_us", "host thread µs", goal),
        figure("cpu_us", "CPU µs", Goal::None),
        figure("per_s", "messages/s", Goal::None),
    ]
}

const NODE: &str = "bellwire-node";
const PYTHON: &str = "bellwire-python";
const COROUTINE: &str = "bellwire-python-coroutine";
const HOST_SINGLE: &[Figure] = &host(Goal::Bindings(&[
    (NODE, 1.0 / 3.0),
    (PYTHON, 1.0 / 15.0),
    (COROUTINE, 1.0 / 8.0),
]));
const HOST_BUSY: &[Figure] = &host(Goal::Bindings(&[
    (NODE, 1.0 / 6.0),
    (PYTHON, 1.0 / 15.0),
    (COROUTINE, 1.0 / 8.0),
]));
const HOST: &[Figure] = &host(Goal::None);

pub(crate) const SCENARIOS: &[Scenario] = &[
    answered(ECHO, "echo, 16 B", Argument::Text(16), 8, cpu!(0.26)),
    answered(
        ECHO_SINGLE,
        "echo, 16 B, 1 in flight",
        Argument::Text(16),
        1,
        cpu!(0.78),
    ),
    answered(
        "echo-1k",
        "echo, 1 KiB",
        Argument::Text(1_024),
        8,
        cpu!(0.20),
    ),
    answered(
        "echo-1k-single",
        "echo, 1 KiB, 1 in flight",
        Argument::Text(1_024),
        1,
        CPU_ONLY,
    ),
    answered(
        "objects-1k",
        "echo, 1 KiB of objects",
        Argument::Objects(1_024),
        8,
        cpu!(0.06),
    ),
    answered(
        "echo-64k",
        "echo, 64 KiB",
        Argument::Text(65_536),
        8,
        cpu!(0.22),
    ),
    answered(
        "echo-64k-single",
        "echo, 64 KiB, 1 in flight",
        Argument::Text(65_536),
        1,
        CPU_ONLY,
    ),
    apart(
        "ack",
        "acknowledgement, 16 B",
        100,
        Load::Answered {
            argument: Argument::Text(16),
            reply: Reply::Ack,
            in_flight: 8,
        },
        cpu!(0.28),
    ),
    answered(
        "binary-1k",
        "binary echo, 1 KiB",
        Argument::Binary(1_024),
        8,
        cpu!(0.20),
    ),
    apart(
        "broadcast-100",
        "broadcast to 100",
        100,
        ONE_AT_A_TIME,
        cpu!(0.76),
    ),
    apart(
        "broadcast-1000",
        "broadcast to 1 000",
        1_000,
        ONE_AT_A_TIME,
        cpu!(0.58),
    ),
    apart(
        "broadcast-5000",
        "broadcast to 5 000",
        5_000,
        ONE_AT_A_TIME,
        cpu!(0.58),
    ),
    apart(
        "broadcast-1000x8",
        "broadcast to 1 000, 8 under way",
        1_000,
        Load::Broadcast { under_way: 8 },
        cpu!(0.50),
    ),
    apart(
        "rooms",
        "100 rooms of 10",
        1_000,
        Load::Rooms { members: 10 },
        cpu!(0.68),
    ),
    apart(
        "long-polling",
        "long-polling echo, 16 B",
        100,
        Load::LongPolling,
        cpu!(0.60),
    ),
    apart("churn", "connect, echo, leave", 50, Load::Churn, cpu!(0.68)),
    apart(
        "open-loop",
        "echo at 5 000/s, 200 connections",
        200,
        Load::OpenLoop { rate_per_s: 5_000 },
        &[
            figure("p50_us", "p50 µs", Goal::Ratio(1.0)),
            figure("p99_us", "p99 µs", Goal::Ratio(1.0)),
            figure("cpu_us", "CPU µs", Goal::None),
        ],
    ),
    apart(
        "idle",
        "10 000 idle connections",
        10_000,
        Load::Idle,
        &[
            figure("bytes_each", "bytes each", Goal::Value(2_500.0)),
            figure("cpu_ms_per_s", "CPU ms/s", Goal::Ratio(1.0)),
            figure("connects_per_s", "connects/s", Goal::None),
        ],
    ),
    echo_workers(WORKERS_ECHO[0], "echo, 16 B, one worker thread", 1),
    echo_workers(WORKERS_ECHO[1], "echo, 16 B, two worker threads", 2),
    broadcast_workers(
        WORKERS_BROADCAST[0],
        "broadcast to 1 000, one worker thread",
        1,
    ),
    broadcast_workers(
        WORKERS_BROADCAST[1],
        "broadcast to 1 000, two worker threads",
        2,
    ),
    bindings(answered(
        "host-echo-single",
        "echo, 16 B, 1 in flight",
        Argument::Text(16),
        1,
        HOST_SINGLE,
    )),
    bindings(answered(
        "host-echo-32",
        "echo, 16 B, 32 in flight",
        Argument::Text(16),
        32,
        HOST_BUSY,
    )),
    bindings(answered(
        "host-objects-1k",
        "echo, 1 KiB of objects, 8 in flight",
        Argument::Objects(1_024),
        8,
        HOST,
    )),
    bindings(apart(
        "host-broadcast-1000",
        "broadcast to 1 000, per broadcast",
        1_000,
        ONE_AT_A_TIME,
        &[
            figure("host_us", "host thread µs", Goal::None),
            figure("per_s", "deliveries/s", Goal::None),
        ],
    )),
];

/// What is compared between two scenarios, or between two deliveries.
pub(crate) const ECHO: &str = "echo-16b";
pub(crate) const ECHO_SINGLE: &str = "echo-16b-single";
pub(crate) const WORKERS_ECHO: [&str; 2] = ["workers-1", "workers-2"];
pub(crate) const WORKERS_BROADCAST: [&str; 2] = ["workers-1-broadcast", "workers-2-broadcast"];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::SCENARIOS;

    #[test]
    fn names_are_unique_and_figures_there() {
        let names: BTreeSet<_> = SCENARIOS.iter().map(|scenario| scenario.name).collect();
        assert_eq!(names.len(), SCENARIOS.len());
        assert!(
            SCENARIOS
                .iter()
                .all(|scenario| !scenario.figures.is_empty())
        );
    }
}
