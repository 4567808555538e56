//! The table of scenarios: what load is put on a server, what of it is compared, and what Bellwire
//! is to reach there.

use crate::payload::{Argument, Reply};
use crate::process::Pinning;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Load {
    /// Messages that are answered, so many at a time on each connection.
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
    /// At most so many times the baseline's figure.
    Ratio(f64),
    /// At most this, whatever the baseline has.
    Value(f64),
    /// Shown for comparison only.
    None,
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
    /// The first is the one the picture shows.
    pub(crate) figures: &'static [Figure],
}

const fn figure(key: &'static str, unit: &'static str, goal: Goal) -> Figure {
    Figure { key, unit, goal }
}

/// CPU time per message or delivery, at most so many times the baseline's.
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
        figures,
    }
}

const fn workers(name: &'static str, title: &'static str, threads: usize) -> Scenario {
    let mut scenario = answered(name, title, Argument::Text(16), 8, RATE);
    scenario.threads = threads;
    scenario.pinning = Pinning::Free;
    scenario
}

const ONE_AT_A_TIME: Load = Load::Broadcast { under_way: 1 };

pub(crate) const SCENARIOS: &[Scenario] = &[
    answered("echo-16b", "echo, 16 B", Argument::Text(16), 8, cpu!(0.26)),
    answered(
        "echo-16b-single",
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
    workers("workers-1", "echo, 16 B, one worker thread", 1),
    workers("workers-2", "echo, 16 B, two worker threads", 2),
];

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
