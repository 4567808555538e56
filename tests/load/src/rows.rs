//! The raw results: one JSON object in a line for the machine, then one for each measurement.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use serde_json::{Value, json};

use crate::clock::today;
use crate::gauge::Figures;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) scenario: String,
    pub(crate) server: String,
    pub(crate) round: u64,
    pub(crate) outcome: Outcome,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    Measured(BTreeMap<String, f64>),
    /// Why the row has no figures.
    Failed(String),
}

impl Row {
    pub(crate) fn to_line(&self) -> String {
        let mut value = json!({
            "scenario": self.scenario,
            "server": self.server,
            "round": self.round,
        });
        match &self.outcome {
            Outcome::Measured(figures) => value["figures"] = json!(figures),
            Outcome::Failed(why) => value["failed"] = json!(why),
        }
        value.to_string()
    }

    fn from_value(value: &Value) -> Option<Self> {
        let text = |key: &str| Some(value.get(key)?.as_str()?.to_owned());
        let outcome = match value.get("figures").and_then(Value::as_object) {
            Some(figures) => Outcome::Measured(
                figures
                    .iter()
                    .filter_map(|(key, v)| Some((key.clone(), v.as_f64()?)))
                    .collect(),
            ),
            None => Outcome::Failed(text("failed")?),
        };
        Some(Self {
            scenario: text("scenario")?,
            server: text("server")?,
            round: value.get("round")?.as_u64()?,
            outcome,
        })
    }
}

pub(crate) fn measured(figures: &Figures) -> Outcome {
    Outcome::Measured(
        figures
            .iter()
            .map(|(key, v)| ((*key).to_owned(), *v))
            .collect(),
    )
}

/// What the figures were taken on, as the first line of the file.
pub(crate) fn machine_line(settings: &str) -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo")
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or_else(String::new, |(_, name)| name.to_owned());
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = read("/proc/sys/kernel/osrelease").trim().to_owned();
    json!({"machine": {
        "date": today(),
        "cpu": cpu,
        "cores": cores,
        "kernel": kernel,
        "settings": settings,
    }})
    .to_string()
}

/// The machine, as one phrase, and all measurements of a file.
pub(crate) fn read(path: &Path) -> io::Result<(String, Vec<Row>)> {
    let mut machine = String::new();
    let mut rows = Vec::new();
    for line in fs::read_to_string(path)?.lines() {
        let value: Value = serde_json::from_str(line)?;
        if let Some(found) = value.get("machine") {
            let text = |key: &str| {
                found
                    .get(key)
                    .and_then(Value::as_str)
                    .unwrap_or("?")
                    .to_owned()
            };
            let cores = found.get("cores").and_then(Value::as_u64).unwrap_or(0);
            machine = format!(
                "{}, {cores} cores of {}, Linux {}; {}",
                text("date"),
                text("cpu"),
                text("kernel"),
                text("settings")
            );
            continue;
        }
        let row = Row::from_value(&value);
        rows.push(row.ok_or_else(|| io::Error::other(format!("not a row: {line}")))?);
    }
    Ok((machine, rows))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Outcome, Row};

    #[test]
    fn rows_come_back_as_they_were_written() {
        let figures = BTreeMap::from([("cpu_us".to_owned(), 1.25)]);
        for outcome in [
            Outcome::Measured(figures),
            Outcome::Failed("why".to_owned()),
        ] {
            let row = Row {
                scenario: "echo".to_owned(),
                server: "ours".to_owned(),
                round: 3,
                outcome,
            };
            let value = serde_json::from_str(&row.to_line()).expect("JSON");
            assert_eq!(Row::from_value(&value), Some(row));
        }
    }
}
