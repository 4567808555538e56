//! From rows to a table: for each figure of a scenario the median over the rounds, and the median
//! of its ratios to the baseline in the same rounds.

use std::fmt::Write;

use crate::rows::{Outcome, Row};
use crate::scenarios::{Figure, Goal, SCENARIOS, Scenario};
use crate::servers::{BASELINE, SERVERS, ServerKind};

#[derive(Debug)]
pub(crate) struct Report {
    machine: String,
    pub(crate) servers: Vec<&'static ServerKind>,
    pub(crate) lines: Vec<Line>,
}

/// One figure of one scenario.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) scenario: &'static Scenario,
    pub(crate) figure: Figure,
    /// In the order of the report's servers.
    pub(crate) cells: Vec<Cell>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Cell {
    /// It was not measured.
    Empty,
    Failed,
    Median {
        value: f64,
        /// To the baseline; none when that was not measured in the same round.
        ratio: Option<f64>,
    },
}

impl Report {
    pub(crate) fn of(machine: String, rows: &[Row]) -> Self {
        let servers: Vec<_> = SERVERS
            .iter()
            .filter(|server| rows.iter().any(|row| row.server == server.name))
            .collect();
        let mut lines = Vec::new();
        for scenario in SCENARIOS {
            let rows: Vec<_> = rows
                .iter()
                .filter(|row| row.scenario == scenario.name)
                .collect();
            if rows.is_empty() {
                continue;
            }
            for figure in scenario.figures {
                let cells = servers
                    .iter()
                    .map(|server| cell(&rows, server.name, figure.key));
                lines.push(Line {
                    scenario,
                    figure: *figure,
                    cells: cells.collect(),
                });
            }
        }
        Self {
            machine,
            servers,
            lines,
        }
    }

    pub(crate) fn markdown(&self) -> String {
        let mut out = String::new();
        let names: Vec<_> = self.servers.iter().map(|server| server.name).collect();
        let rules = "| ---: ".repeat(names.len());
        out.push_str(&format!(
            "| scenario | figure | target | {} |\n",
            names.join(" | ")
        ));
        out.push_str(&format!("| --- | --- | --- {rules}|\n"));
        for line in &self.lines {
            let target = match line.figure.goal {
                Goal::Ratio(most) => format!("≤ {most:.2}"),
                Goal::Value(most) => format!("≤ {}", number(most)),
                Goal::None => String::new(),
            };
            let _infallible = write!(
                out,
                "| {} | {} | {target} |",
                line.scenario.title, line.figure.unit
            );
            for (server, cell) in self.servers.iter().zip(&line.cells) {
                out.push_str(&format!(" {} |", line.text(server, *cell)));
            }
            out.push('\n');
        }
        out.push_str(&format!(
            "\nMedians; in brackets the ratio to {BASELINE}, and in bold where Bellwire reaches \
             its target. Measured on {}.\n",
            self.machine
        ));
        out
    }
}

impl Line {
    /// None when there is nothing to reach, or nothing to tell by.
    pub(crate) fn reached(&self, cell: Cell) -> Option<bool> {
        match (self.figure.goal, cell) {
            (Goal::Ratio(most), Cell::Median { ratio, .. }) => ratio.map(|ratio| ratio <= most),
            (Goal::Value(most), Cell::Median { value, .. }) => Some(value <= most),
            _ => None,
        }
    }

    fn text(&self, server: &ServerKind, cell: Cell) -> String {
        let (value, ratio) = match cell {
            Cell::Empty => return "-".to_owned(),
            Cell::Failed => return "failed".to_owned(),
            Cell::Median { value, ratio } => (value, ratio),
        };
        let text = match ratio {
            Some(ratio) if server.name != BASELINE => {
                format!("{} ({})", number(value), number(ratio))
            }
            _ => number(value),
        };
        if server.ours && self.reached(cell) == Some(true) {
            return format!("**{text}**");
        }
        text
    }
}

fn cell(rows: &[&Row], server: &str, key: &str) -> Cell {
    let of_server = || rows.iter().filter(|row| row.server == server);
    let mut values: Vec<f64> = of_server().filter_map(|row| figure(row, key)).collect();
    let Some(value) = median(&mut values) else {
        let any = of_server().next().is_some();
        return if any { Cell::Failed } else { Cell::Empty };
    };
    let mut ratios: Vec<f64> = of_server()
        .filter_map(|row| {
            let mut same = rows
                .iter()
                .filter(|r| r.server == BASELINE && r.round == row.round);
            let base = same
                .find_map(|r| figure(r, key))
                .filter(|base| *base > 0.0)?;
            Some(figure(row, key)? / base)
        })
        .collect();
    Cell::Median {
        value,
        ratio: median(&mut ratios),
    }
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

/// Three digits that say something, and a space between thousands.
fn number(value: f64) -> String {
    match value {
        0.0..0.1 => format!("{value:.3}"),
        0.1..10.0 => format!("{value:.2}"),
        10.0..100.0 => format!("{value:.1}"),
        100.0..1_000.0 => format!("{value:.0}"),
        _ => {
            let whole = value.round() as u64;
            let (thousands, rest) = (whole / 1_000, whole % 1_000);
            match thousands {
                0..1_000 => format!("{thousands} {rest:03}"),
                _ => format!("{} {:03} {rest:03}", thousands / 1_000, thousands % 1_000),
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeMap;

    use super::{Cell, Report, median, number};
    use crate::rows::{Outcome, Row};

    fn row(server: &str, round: u64, cpu_us: f64) -> Row {
        Row {
            scenario: "ack".to_owned(),
            server: server.to_owned(),
            round,
            outcome: Outcome::Measured(BTreeMap::from([("cpu_us".to_owned(), cpu_us)])),
        }
    }

    /// Three rounds of which the second met a busy machine.
    pub(crate) fn example() -> Report {
        let rows = [
            row("socketioxide", 0, 6.0),
            row("bellwire-inline", 0, 1.5),
            row("socketioxide", 1, 60.0),
            row("bellwire-inline", 1, 12.0),
            row("socketioxide", 2, 8.0),
            row("bellwire-inline", 2, 1.6),
            row("socket.io", 2, 24.0),
        ];
        Report::of("1 core".to_owned(), &rows)
    }

    #[test]
    fn ratios_are_taken_within_a_round() {
        let report = example();
        let names: Vec<_> = report.servers.iter().map(|server| server.name).collect();
        assert_eq!(names, ["bellwire-inline", "socketioxide", "socket.io"]);
        let expected = [(1.6, 0.2), (8.0, 1.0), (24.0, 3.0)].map(|(value, ratio)| Cell::Median {
            value,
            ratio: Some(ratio),
        });
        assert_eq!(report.lines[0].cells, expected);
        assert_eq!(report.lines[0].reached(expected[0]), Some(true));
        let table = report.markdown();
        assert!(
            table.contains("| ≤ 0.28 | **1.60 (0.20)** | 8.00 | 24.0 (3.00) |"),
            "{table}"
        );
    }

    #[test]
    fn the_median_of_an_even_number_is_between_two() {
        assert_eq!(median(&mut [4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(&mut []), None);
    }

    #[test]
    fn numbers_are_short() {
        let texts = [0.012_3, 1.234_5, 12.345, 123.45, 12_345.6, 1_234_567.0].map(number);
        assert_eq!(
            texts,
            ["0.012", "1.23", "12.3", "123", "12 346", "1 234 567"]
        );
    }
}
