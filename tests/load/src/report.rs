//! From rows to what is compared: for each figure of a scenario the median over the rounds, and
//! the median of its ratios to the same figure of another server in the same rounds.

use crate::rows::{Outcome, Row};
use crate::scenarios::{Field, Figure, Goal, SCENARIOS, Scenario};
use crate::servers::{OURS, SERVERS, ServerKind};

#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) machine: String,
    pub(crate) parts: Vec<Part>,
    pub(crate) comparisons: Vec<Measured>,
}

/// The servers of one field, side by side.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) field: Field,
    pub(crate) servers: Vec<&'static ServerKind>,
    pub(crate) lines: Vec<Line>,
}

/// One figure of one scenario.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) scenario: &'static Scenario,
    pub(crate) figure: Figure,
    /// In the order of the part's servers.
    pub(crate) cells: Vec<Cell>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Cell {
    /// It was not measured.
    Empty,
    Failed,
    Median {
        value: f64,
        /// To the server of `Field::base`; none when that was not measured in the same round.
        ratio: Option<f64>,
    },
}

/// Something of ours that is held against something else of ours.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Comparison {
    pub(crate) title: &'static str,
    /// At most this many times as much CPU time.
    pub(crate) most: f64,
    /// Scenario and server.
    of: (&'static str, &'static str),
    to: (&'static str, &'static str),
}

#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) comparison: &'static Comparison,
    pub(crate) ratio: f64,
}

const fn compare(
    title: &'static str,
    most: f64,
    of: (&'static str, &'static str),
    to: (&'static str, &'static str),
) -> Comparison {
    Comparison {
        title,
        most,
        of,
        to,
    }
}

const THREADS: &str = "bellwire-threads";
const POLLED: &str = "bellwire-polled";

const COMPARISONS: &[Comparison] = {
    use crate::scenarios::{ECHO, ECHO_SINGLE, WORKERS_BROADCAST, WORKERS_ECHO};
    &[
        compare(
            "callback threads to inline, echo 16 B, 8 in flight",
            1.4,
            (ECHO, THREADS),
            (ECHO, OURS),
        ),
        compare(
            "polled to inline, echo 16 B, 8 in flight",
            1.4,
            (ECHO, POLLED),
            (ECHO, OURS),
        ),
        compare(
            "callback threads to inline, echo 16 B, 1 in flight",
            1.6,
            (ECHO_SINGLE, THREADS),
            (ECHO_SINGLE, OURS),
        ),
        compare(
            "polled to inline, echo 16 B, 1 in flight",
            1.6,
            (ECHO_SINGLE, POLLED),
            (ECHO_SINGLE, OURS),
        ),
        compare(
            "two worker threads to one, echo 16 B, inline",
            1.1,
            (WORKERS_ECHO[1], OURS),
            (WORKERS_ECHO[0], OURS),
        ),
        compare(
            "two worker threads to one, broadcast to 1 000, inline",
            1.1,
            (WORKERS_BROADCAST[1], OURS),
            (WORKERS_BROADCAST[0], OURS),
        ),
    ]
};

impl Report {
    pub(crate) fn of(machine: String, rows: &[Row]) -> Self {
        let parts = [Field::Engine, Field::Bindings]
            .map(|field| Part::of(field, rows))
            .into_iter()
            .filter(|part| !part.lines.is_empty());
        let comparisons = COMPARISONS.iter().filter_map(|comparison| {
            let ratio = ratio(rows, comparison.of, comparison.to, "cpu_us")?;
            Some(Measured { comparison, ratio })
        });
        Self {
            machine,
            parts: parts.collect(),
            comparisons: comparisons.collect(),
        }
    }
}

impl Part {
    fn of(field: Field, rows: &[Row]) -> Self {
        let scenarios = || SCENARIOS.iter().filter(|scenario| scenario.field == field);
        let took_part = |server: &&ServerKind| {
            rows.iter().any(|row| {
                row.server == server.name && scenarios().any(|known| known.name == row.scenario)
            })
        };
        let servers: Vec<_> = SERVERS.iter().filter(took_part).collect();
        let mut lines = Vec::new();
        for scenario in scenarios() {
            if !rows.iter().any(|row| row.scenario == scenario.name) {
                continue;
            }
            for figure in scenario.figures {
                let cells = servers
                    .iter()
                    .map(|server| cell(rows, scenario, server, figure.key));
                lines.push(Line {
                    scenario,
                    figure: *figure,
                    cells: cells.collect(),
                });
            }
        }
        Self {
            field,
            servers,
            lines,
        }
    }
}

/// What a server was to reach and how near it came: what stands in the list of misses.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Verdict {
    pub(crate) measured: f64,
    pub(crate) most: f64,
}

impl Verdict {
    pub(crate) fn is_reached(self) -> bool {
        self.measured <= self.most
    }
}

impl Line {
    /// None when there is nothing to reach, or nothing to tell by.
    pub(crate) fn verdict(&self, server: &ServerKind, cell: Cell) -> Option<Verdict> {
        let Cell::Median { value, ratio } = cell else {
            return None;
        };
        let (measured, most) = match self.figure.goal {
            Goal::Value(most) => (value, (server.name == OURS).then_some(most)?),
            goal => (ratio?, goal.ratio_of(server.name)?),
        };
        Some(Verdict { measured, most })
    }
}

fn cell(rows: &[Row], scenario: &Scenario, server: &ServerKind, key: &str) -> Cell {
    let of_server = || {
        rows.iter()
            .filter(|row| row.scenario == scenario.name && row.server == server.name)
    };
    let mut values: Vec<f64> = of_server().filter_map(|row| figure(row, key)).collect();
    let Some(value) = median(&mut values) else {
        let any = of_server().next().is_some();
        return if any { Cell::Failed } else { Cell::Empty };
    };
    let base = scenario.field.base(server);
    let ratio = ratio(
        rows,
        (scenario.name, server.name),
        (scenario.name, base),
        key,
    );
    Cell::Median { value, ratio }
}

/// The median over the rounds in which both were measured.
fn ratio(rows: &[Row], of: (&str, &str), to: (&str, &str), key: &str) -> Option<f64> {
    let find = |(scenario, server): (&str, &str), round: u64| {
        let is =
            |row: &&Row| row.scenario == scenario && row.server == server && row.round == round;
        figure(rows.iter().find(is)?, key)
    };
    let rounds = rows.iter().map(|row| row.round).max()?;
    let mut ratios: Vec<f64> = (0..=rounds)
        .filter_map(|round| {
            let base = find(to, round).filter(|base| *base > 0.0)?;
            Some(find(of, round)? / base)
        })
        .collect();
    median(&mut ratios)
}

fn figure(row: &Row, key: &str) -> Option<f64> {
    match &row.outcome {
        Outcome::Measured(figures) => figures.get(key).copied(),
        Outcome::Failed(_) => None,
    }
}

fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let high = *values.get(values.len() / 2)?;
    let low = *values.get((values.len() - 1) / 2)?;
    Some((low + high) / 2.0)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeMap;

    use super::{Cell, Report, Verdict, median};
    use crate::rows::{Outcome, Row};

    fn row(scenario: &str, server: &str, round: u64, key: &str, value: f64) -> Row {
        Row {
            scenario: scenario.to_owned(),
            server: server.to_owned(),
            round,
            outcome: Outcome::Measured(BTreeMap::from([(key.to_owned(), value)])),
        }
    }

    /// Three rounds, the second on a busy machine, and a binding beside its peer.
    pub(crate) fn example() -> Report {
        let cpu = |server, round, value| row("ack", server, round, "cpu_us", value);
        let host = |server, value| row("host-echo-32", server, 0, "host_us", value);
        let rows = [
            cpu("socketioxide", 0, 6.0),
            cpu("bellwire-inline", 0, 1.5),
            cpu("socketioxide", 1, 60.0),
            cpu("bellwire-inline", 1, 12.0),
            cpu("socketioxide", 2, 8.0),
            cpu("bellwire-inline", 2, 1.6),
            cpu("floor", 2, 0.8),
            cpu("socket.io", 2, 24.0),
            host("bellwire-node", 2.0),
            host("socket.io", 8.0),
            row("workers-1", "bellwire-inline", 0, "cpu_us", 2.0),
            row("workers-2", "bellwire-inline", 0, "cpu_us", 2.1),
        ];
        Report::of("1 core".to_owned(), &rows)
    }

    #[test]
    fn ratios_are_taken_within_a_round() {
        let report = example();
        let part = &report.parts[0];
        let names: Vec<_> = part.servers.iter().map(|server| server.name).collect();
        assert_eq!(
            names,
            ["bellwire-inline", "floor", "socketioxide", "socket.io"]
        );
        let figures = [(1.6, 0.2), (0.8, 0.1), (8.0, 1.0), (24.0, 3.0)];
        let expected = figures.map(|(value, ratio)| Cell::Median {
            value,
            ratio: Some(ratio),
        });
        let line = &part.lines[0];
        assert_eq!(line.cells, expected);
        let verdicts: Vec<_> = part
            .servers
            .iter()
            .zip(expected)
            .map(|(server, cell)| line.verdict(server, cell))
            .collect();
        let ours = Verdict {
            measured: 0.2,
            most: 0.28,
        };
        assert_eq!(verdicts, [Some(ours), None, None, None]);
        assert!(ours.is_reached());
    }

    #[test]
    fn a_binding_is_held_against_its_peer() {
        let report = example();
        let part = &report.parts[1];
        let verdict = part.lines[0].verdict(part.servers[0], part.lines[0].cells[0]);
        let expected = Verdict {
            measured: 0.25,
            most: 1.0 / 6.0,
        };
        assert_eq!(verdict, Some(expected));
        assert!(!expected.is_reached());
    }

    #[test]
    fn ours_is_compared_with_ours() {
        let report = example();
        let [two_threads] = &report.comparisons[..] else {
            panic!("{:?}", report.comparisons);
        };
        assert_eq!(two_threads.ratio, 1.05);
    }

    #[test]
    fn the_median_of_an_even_number_is_between_two() {
        assert_eq!(median(&mut [4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(&mut []), None);
    }
}
