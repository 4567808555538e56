//! Runs scenarios: in each round every server is started afresh, loaded, measured and ended, one
//! after the other, so that whatever else the machine does meets all of them alike.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::clock::{MILLISECOND, SECOND};
use crate::gauge::{Figures, Gauge, Window};
use crate::load::{broadcast, churn, closed_loop, idle, long_polling, open_loop, rooms};
use crate::net::Fleet;
use crate::payload::{Argument, Message, Reply};
use crate::process::{Cores, Server};
use crate::rows::{Outcome, Row, machine_line, measured};
use crate::scenarios::{Field, Load, Scenario};
use crate::servers::{Role, ServerKind, Workers};

const SMALL: Argument = Argument::Text(16);

/// How much is done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    pub(crate) name: &'static str,
    pub(crate) rounds: u64,
    /// For the peers in other languages, which are far away, and for what takes long.
    pub(crate) few_rounds: u64,
    pub(crate) window: Window,
    /// A runtime that compiles while it runs takes longer to get going.
    pub(crate) warm_up_of_peers_ns: u64,
    pub(crate) idle: Window,
    /// At most this many clients, whatever the scenario says.
    pub(crate) clients: usize,
}

/// The numbers to publish.
pub(crate) const FULL: Effort = Effort {
    name: "make bench",
    rounds: 3,
    few_rounds: 1,
    window: Window {
        warm_ns: 300 * MILLISECOND,
        measure_ns: SECOND,
    },
    warm_up_of_peers_ns: 1_000 * MILLISECOND,
    // A little more than one interval of the heartbeat: each client is pinged once.
    idle: Window {
        warm_ns: 0,
        measure_ns: 26 * SECOND,
    },
    clients: usize::MAX,
};

/// The order of magnitude, in minutes.
pub(crate) const QUICK: Effort = Effort {
    name: "make quick",
    rounds: 1,
    few_rounds: 1,
    window: Window {
        warm_ns: 400 * MILLISECOND,
        measure_ns: SECOND,
    },
    warm_up_of_peers_ns: 800 * MILLISECOND,
    idle: Window {
        warm_ns: 0,
        measure_ns: 2 * SECOND,
    },
    clients: usize::MAX,
};

/// Whether everything works, in seconds.
pub(crate) const SMOKE: Effort = Effort {
    name: "make smoke",
    rounds: 1,
    few_rounds: 1,
    window: Window {
        warm_ns: 20 * MILLISECOND,
        measure_ns: 80 * MILLISECOND,
    },
    warm_up_of_peers_ns: 20 * MILLISECOND,
    idle: Window {
        warm_ns: 0,
        measure_ns: 80 * MILLISECOND,
    },
    clients: 200,
};

/// Measures and writes the rows; what failed is in the rows, and counted in the result.
pub(crate) fn run(
    effort: Effort,
    scenarios: &[&Scenario],
    servers: &[&ServerKind],
    out: &Path,
) -> io::Result<usize> {
    allow_many_connections()?;
    let cores = Cores::find()?;
    let mut file = File::create(out)?;
    let settings = format!(
        "`{}`, {} rounds of {} s ({} for peers in other languages and for idle connections)",
        effort.name,
        effort.rounds,
        effort.window.measure_ns as f64 / SECOND as f64,
        effort.few_rounds,
    );
    writeln!(file, "{}", machine_line(&settings))?;
    let mut failed = 0;
    for scenario in scenarios {
        for round in 0..effort.rounds {
            for nth in 0..servers.len() {
                let server = servers[(nth + round as usize) % servers.len()];
                if round >= effort.rounds_of(scenario, server) {
                    continue;
                }
                let outcome = match measure(effort, scenario, server, &cores) {
                    Ok(figures) => measured(&figures),
                    Err(e) => Outcome::Failed(e.to_string()),
                };
                failed += usize::from(matches!(outcome, Outcome::Failed(_)));
                show(scenario, server, round, &outcome)?;
                let row = Row {
                    scenario: scenario.name.to_owned(),
                    server: server.name.to_owned(),
                    round,
                    outcome,
                };
                writeln!(file, "{}", row.to_line())?;
            }
        }
    }
    Ok(failed)
}

impl Effort {
    /// How often this server is measured in this scenario.
    fn rounds_of(self, scenario: &Scenario, server: &ServerKind) -> u64 {
        let one_thread = server.workers == Workers::One && scenario.threads > 1;
        if !scenario.field.has(server) || one_thread {
            return 0;
        }
        let far = scenario.field == Field::Engine && server.role == Role::Peer;
        if far || matches!(scenario.load, Load::Idle) {
            return self.few_rounds.min(self.rounds);
        }
        self.rounds
    }

    fn window_of(self, server: &ServerKind) -> Window {
        match server.role {
            Role::Engine | Role::Rival | Role::Floor => self.window,
            Role::Peer | Role::Binding(_) => Window {
                warm_ns: self.warm_up_of_peers_ns,
                ..self.window
            },
        }
    }
}

fn measure(
    effort: Effort,
    scenario: &Scenario,
    kind: &ServerKind,
    cores: &Cores,
) -> io::Result<Figures> {
    let server = Server::start(&kind.command(scenario.threads), cores, scenario.pinning)?;
    let port = server.port;
    let clients = scenario.clients.min(effort.clients);
    let start = || Gauge::start(&server, effort.window_of(kind));
    let mut gauge;
    match scenario.load {
        Load::Answered {
            argument,
            reply,
            in_flight,
        } => {
            let message = Message::to_be_answered(argument, reply, in_flight);
            let mut fleet = Fleet::connected(port, clients, message.answer)?;
            gauge = start();
            closed_loop(&mut gauge, &mut fleet, &message, in_flight)?;
        }
        Load::Broadcast { under_way } => {
            let message = Message::broadcast(SMALL);
            let mut fleet = Fleet::connected(port, clients, message.answer)?;
            gauge = start();
            broadcast(&mut gauge, &mut fleet, &message, under_way)?;
        }
        Load::Rooms { members } => {
            let names = (0..clients / members).map(|nth| format!("room-{nth:03}"));
            let rooms_of: Vec<_> = names
                .map(|name| (Message::to_room(&name, SMALL), name))
                .collect();
            let Some((message, _)) = rooms_of.first() else {
                return Err(io::Error::other("fewer clients than a room has"));
            };
            let mut fleet = Fleet::connected(port, clients, message.answer)?;
            gauge = start();
            rooms(&mut gauge, &mut fleet, &rooms_of, members)?;
        }
        Load::LongPolling => {
            gauge = start();
            let text = format!(r#"42["echo",{}]"#, SMALL.json());
            long_polling(&mut gauge, port, clients, &text)?;
        }
        Load::Churn => {
            let message = Message::to_be_answered(SMALL, Reply::Event, 1);
            let mut fleet = Fleet::new(port, clients, message.answer)?;
            gauge = start();
            churn(&mut gauge, &mut fleet, &message)?;
        }
        Load::OpenLoop { rate_per_s } => {
            let message = Message::to_be_answered(SMALL, Reply::Event, 1);
            let mut fleet = Fleet::connected(port, clients, message.answer)?;
            gauge = start();
            open_loop(&mut gauge, &mut fleet, &message, rate_per_s)?;
        }
        Load::Idle => {
            let message = Message::to_be_answered(SMALL, Reply::Event, 1);
            return idle(&server, clients, message.answer, effort.idle);
        }
    }
    let figures = gauge.figures()?;
    if figures.get("units").is_none_or(|units| *units == 0.0) {
        return Err(io::Error::other("nothing was answered in time"));
    }
    Ok(figures)
}

fn show(scenario: &Scenario, server: &ServerKind, round: u64, outcome: &Outcome) -> io::Result<()> {
    let mut out = io::stdout().lock();
    write!(out, "{:<20} {:<25} {round}", scenario.name, server.name)?;
    match outcome {
        Outcome::Measured(figures) => {
            let common = ["cpu_us", "user_us", "load_us", "per_s", "p50_us", "p99_us"];
            let special = scenario.figures.iter().map(|figure| figure.key);
            for key in common
                .into_iter()
                .chain(special.filter(|key| !common.contains(key)))
            {
                if let Some(value) = figures.get(key) {
                    write!(out, "  {key} {value:.2}")?;
                }
            }
            writeln!(out)
        }
        Outcome::Failed(why) => writeln!(out, "  failed: {why}"),
    }
}

/// Each connection is a descriptor here and one in the server, which inherits the limit.
fn allow_many_connections() -> io::Result<()> {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    Ok(setrlimit(Resource::Nofile, raised)?)
}
