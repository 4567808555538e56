//! What may stand on the command line.

use std::path::PathBuf;

use crate::clock::SECOND;
use crate::runner::{Effort, FULL, QUICK, SMOKE};
use crate::scenarios::{SCENARIOS, Scenario};
use crate::servers::{SERVERS, ServerKind};

pub(crate) const USAGE: &str = "\
bellwire-load run [--quick | --smoke] [--rounds N] [--seconds N] [--only SCENARIO,...]
                  [--servers NAME,...] --out ROWS
    Measures and writes one JSON object for each measurement. What has not been built is
    left out. A name that several begin with, such as `bellwire` or `echo`, means all of them.
bellwire-load report ROWS [--md FILE] [--svg FILE]
    Medians and ratios as a table and as a picture; the table on stdout when neither is asked for.
bellwire-load list
    Scenarios and servers.";

#[derive(Debug)]
pub(crate) enum Command {
    Run {
        effort: Effort,
        scenarios: Vec<&'static Scenario>,
        servers: Vec<&'static ServerKind>,
        out: PathBuf,
    },
    Report {
        rows: PathBuf,
        table: Option<PathBuf>,
        svg: Option<PathBuf>,
    },
    List,
}

pub(crate) fn parse(words: &[String]) -> Result<Command, String> {
    let mut words = words.iter().map(String::as_str);
    match words.next() {
        Some("run") => parse_run(words),
        Some("report") => parse_report(words),
        Some("list") => Ok(Command::List),
        other => Err(format!("what to do? {}", other.unwrap_or_default())),
    }
}

fn parse_run<'a>(mut words: impl Iterator<Item = &'a str>) -> Result<Command, String> {
    let mut effort = FULL;
    let (mut rounds, mut seconds) = (None, None);
    let mut scenarios: Vec<_> = SCENARIOS.iter().collect();
    let mut servers: Vec<_> = SERVERS.iter().filter(|server| server.is_built()).collect();
    let mut out = None;
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} what?"));
        match word {
            "--quick" => effort = QUICK,
            "--smoke" => effort = SMOKE,
            "--rounds" => rounds = Some(number(value()?)?),
            "--seconds" => seconds = Some(number(value()?)?),
            "--only" => scenarios = chosen(value()?, SCENARIOS, |scenario| scenario.name)?,
            "--servers" => {
                servers = chosen(value()?, SERVERS, |server| server.name)?;
                servers.retain(|server| server.is_built());
            }
            "--out" => out = Some(PathBuf::from(value()?)),
            other => return Err(format!("{other} means nothing here")),
        }
    }
    if servers.is_empty() {
        return Err("none of these servers has been built".to_owned());
    }
    effort.rounds = rounds.unwrap_or(effort.rounds);
    effort.window.measure_ns = seconds.map_or(effort.window.measure_ns, |n| n * SECOND);
    let out = out.ok_or("--out is missing")?;
    Ok(Command::Run {
        effort,
        scenarios,
        servers,
        out,
    })
}

fn number(text: &str) -> Result<u64, String> {
    text.parse()
        .map_err(|_| format!("{text} is not a whole number"))
}

fn parse_report<'a>(mut words: impl Iterator<Item = &'a str>) -> Result<Command, String> {
    let rows = words.next().map(PathBuf::from).ok_or("report of what?")?;
    let (mut table, mut svg) = (None, None);
    while let Some(word) = words.next() {
        let value = words.next().ok_or_else(|| format!("{word} what?"))?;
        match word {
            "--md" => table = Some(PathBuf::from(value)),
            "--svg" => svg = Some(PathBuf::from(value)),
            other => return Err(format!("{other} means nothing here")),
        }
    }
    Ok(Command::Report { rows, table, svg })
}

/// The entries of a table that a list of names means, in the table's order.
fn chosen<T>(
    names: &str,
    table: &'static [T],
    name_of: impl Fn(&T) -> &'static str,
) -> Result<Vec<&'static T>, String> {
    let names: Vec<&str> = names.split(',').collect();
    let exact = |name: &str| table.iter().any(|entry| name_of(entry) == name);
    let means = |name: &str, entry: &T| match exact(name) {
        true => name_of(entry) == name,
        false => name_of(entry).starts_with(name),
    };
    if let Some(unknown) = names
        .iter()
        .find(|name| !table.iter().any(|entry| means(name, entry)))
    {
        return Err(format!("there is no `{unknown}`"));
    }
    Ok(table
        .iter()
        .filter(|entry| names.iter().any(|name| means(name, entry)))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::{Command, chosen, parse};
    use crate::scenarios::SCENARIOS;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn names_may_be_beginnings() {
        let names = |text| {
            chosen(text, SCENARIOS, |s| s.name)
                .map(|found| found.iter().map(|s| s.name).collect::<Vec<_>>())
        };
        assert_eq!(names("ack,churn"), Ok(vec!["ack", "churn"]));
        assert_eq!(names("echo-16b"), Ok(vec!["echo-16b"]));
        assert_eq!(
            names("workers"),
            Ok(vec![
                "workers-1",
                "workers-2",
                "workers-1-broadcast",
                "workers-2-broadcast"
            ])
        );
        assert!(names("nothing").is_err());
    }

    #[test]
    fn a_report_needs_rows_and_may_have_two_outputs() {
        assert!(parse(&words("report")).is_err());
        assert!(parse(&words("report a --png b")).is_err());
        let command = parse(&words("report a --md b --svg c"));
        assert!(matches!(
            command,
            Ok(Command::Report {
                table: Some(_),
                svg: Some(_),
                ..
            })
        ));
    }
}
