//! The report as Markdown: a table for each field, one for ours among themselves, and in words
//! every target that was missed.

use std::fmt::Write;

use crate::report::{Cell, Line, Part, Report};
use crate::scenarios::{Field, Goal};
use crate::servers::{BASELINE, FLOOR, Role, ServerKind};

pub(crate) fn markdown(report: &Report) -> String {
    let mut out = String::new();
    for part in &report.parts {
        add(&mut out, format_args!("{}\n\n", heading(part)));
        table(&mut out, part);
        out.push('\n');
    }
    if !report.comparisons.is_empty() {
        out.push_str("Ways of delivery and numbers of threads, by CPU time per message:\n\n");
        out.push_str("| | target | ratio |\n| --- | --- | ---: |\n");
        for measured in &report.comparisons {
            let compared = measured.comparison;
            let ratio = emphasised(&number(measured.ratio), measured.ratio <= compared.most);
            add(
                &mut out,
                format_args!(
                    "| {} | ≤ {:.2} | {ratio} |\n",
                    compared.title, compared.most
                ),
            );
        }
        out.push('\n');
    }
    misses(&mut out, report);
    add(
        &mut out,
        format_args!(
            "Medians; in bold what reaches its target. Measured on {}.\n",
            report.machine
        ),
    );
    out
}

fn heading(part: &Part) -> String {
    let floor = match part.servers.iter().any(|server| server.role == Role::Floor) {
        true => format!(". `{FLOOR}` is no server to use but what the kernel alone costs"),
        false => String::new(),
    };
    match part.field {
        Field::Engine => format!(
            "Processor time of the whole process per message, in µs unless the title says otherwise; \
             in brackets the ratio to {BASELINE}{floor}:"
        ),
        Field::Bindings => {
            "The bindings; in brackets the ratio to socket.io or python-socketio:".to_owned()
        }
    }
}

fn table(out: &mut String, part: &Part) {
    let names: Vec<_> = part.servers.iter().map(|server| server.name).collect();
    let rules = "| ---: ".repeat(names.len());
    add(
        out,
        format_args!(
            "| scenario | figure | target | {} |\n| --- | --- | --- {rules}|\n",
            names.join(" | ")
        ),
    );
    for line in &part.lines {
        add(
            out,
            format_args!(
                "| {} | {} | {} |",
                line.scenario.title,
                line.figure.unit,
                target(line.figure.goal)
            ),
        );
        for (server, cell) in part.servers.iter().zip(&line.cells) {
            add(
                out,
                format_args!(" {} |", text(part.field, line, server, *cell)),
            );
        }
        out.push('\n');
    }
}

fn target(goal: Goal) -> String {
    match goal {
        Goal::Ratio(most) => format!("≤ {most:.2}"),
        Goal::Value(most) => format!("≤ {}", number(most)),
        Goal::Bindings(goals) => goals
            .iter()
            .map(|(_, most)| format!("≤ {}", number(*most)))
            .collect::<Vec<_>>()
            .join(", "),
        Goal::None => String::new(),
    }
}

fn text(field: Field, line: &Line, server: &ServerKind, cell: Cell) -> String {
    let (value, ratio) = match cell {
        Cell::Empty => return "-".to_owned(),
        Cell::Failed => return "failed".to_owned(),
        Cell::Median { value, ratio } => (value, ratio),
    };
    let text = match ratio {
        Some(ratio) if server.name != field.base(server) => {
            format!("{} ({})", number(value), number(ratio))
        }
        _ => number(value),
    };
    let reached = line.verdict(server, cell).is_some_and(|v| v.is_reached());
    emphasised(&text, reached)
}

fn emphasised(text: &str, reached: bool) -> String {
    match reached {
        true => format!("**{text}**"),
        false => text.to_owned(),
    }
}

fn misses(out: &mut String, report: &Report) {
    let mut missed = Vec::new();
    for part in &report.parts {
        for line in &part.lines {
            for (server, cell) in part.servers.iter().zip(&line.cells) {
                let Some(verdict) = line.verdict(server, *cell).filter(|v| !v.is_reached()) else {
                    continue;
                };
                let of = match part.field {
                    Field::Engine => "",
                    Field::Bindings => server.name,
                };
                missed.push(format!(
                    "{of} {}, {}: {} instead of {}",
                    line.scenario.title,
                    line.figure.unit,
                    precisely(verdict.measured),
                    precisely(verdict.most)
                ));
            }
        }
    }
    for measured in &report.comparisons {
        if measured.ratio > measured.comparison.most {
            missed.push(format!(
                "{}: {} instead of {}",
                measured.comparison.title,
                precisely(measured.ratio),
                precisely(measured.comparison.most)
            ));
        }
    }
    if missed.is_empty() {
        out.push_str("No target is missed.\n\n");
        return;
    }
    out.push_str("Missed:\n\n");
    for line in missed {
        add(out, format_args!("- {}\n", line.trim_start()));
    }
    out.push('\n');
}

/// So that a near miss does not look like none.
fn precisely(value: f64) -> String {
    match value {
        0.0..10.0 => format!("{value:.3}"),
        _ => number(value),
    }
}

/// Three digits that say something, and a space between thousands.
pub(crate) fn number(value: f64) -> String {
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

/// Writing to a string does not fail.
fn add(out: &mut String, text: std::fmt::Arguments<'_>) {
    let _infallible = out.write_fmt(text);
}

#[cfg(test)]
mod tests {
    use super::{markdown, number};
    use crate::report::tests::example;

    #[test]
    fn what_is_reached_is_bold_and_what_is_missed_is_said() {
        let text = markdown(&example());
        for part in [
            "| ≤ 0.28 | **1.60 (0.20)** | 0.80 (0.10) | 8.00 | 24.0 (3.00) |",
            "`floor` is no server to use",
            "| 2.00 (0.25) | 8.00 |",
            "| two worker threads to one, echo 16 B, inline | ≤ 1.10 | **1.05** |",
            "- bellwire-node echo, 16 B, 32 in flight, host thread µs: 0.250 instead of 0.167",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
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
