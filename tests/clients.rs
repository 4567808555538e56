//! Official clients: every scenario with the JavaScript client and with
//! python-socketio, over polling, over WebSocket and with an upgrade.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use conformance::{Server, under_test};
use serde_json::{Value, json};

fn scenarios() -> Vec<PathBuf> {
    let folder = under_test::tests_folder().join("scenarios");
    let entries = std::fs::read_dir(folder).expect("the scenarios can be listed");
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    files
}

/// How many runs a driver must report: one for each namespace of each scenario
/// that it supports.
fn expected_runs(driver: &str) -> usize {
    let runs = |file: &PathBuf| {
        let text = std::fs::read_to_string(file).expect("a scenario can be read");
        let scenario: Value = serde_json::from_str(&text).expect("a scenario is JSON");
        if scenario["only"].as_str().is_some_and(|only| only != driver) {
            return 0;
        }
        scenario["namespaces"].as_array().map_or(1, Vec::len)
    };
    scenarios().iter().map(runs).sum()
}

fn run(driver: &str, mode: &str) {
    // Short ping intervals show that clients answer pings. Also, python-socketio may
    // leave a poll open when it disconnects, and then waits for the next ping.
    let server = Server::with(&json!({"pingInterval": 1000, "pingTimeout": 10_000}));
    let tests = under_test::tests_folder();
    let program = match driver {
        "js" => vec!["node".into(), tests.join("clients/js/driver.mjs")],
        _ => vec![
            tests.with_file_name("build").join("venv/bin/python"),
            tests.join("clients/python/driver.py"),
        ],
    };
    let output = Command::new(&program[0])
        .arg(&program[1])
        .arg(format!("http://{}", server.endpoint().address))
        .arg(mode)
        .args(scenarios())
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}; see tests/setup.sh", program[0].display()));
    let report = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    let good = report
        .lines()
        .filter(|line| line.starts_with("ok "))
        .count();
    let bad: Vec<_> = report
        .lines()
        .filter(|line| !line.starts_with("ok "))
        .collect();
    assert!(
        bad.is_empty(),
        "{driver} over {mode}:\n{}\n{errors}",
        bad.join("\n")
    );
    assert_eq!(
        good,
        expected_runs(driver),
        "{driver} over {mode} did not run all:\n{errors}"
    );
    assert!(output.status.success(), "{errors}");
}

#[test]
fn javascript_over_polling() {
    run("js", "polling");
}

#[test]
fn javascript_over_websocket() {
    run("js", "websocket");
}

#[test]
fn javascript_with_an_upgrade() {
    run("js", "upgrade");
}

#[test]
fn python_over_polling() {
    run("python", "polling");
}

#[test]
fn python_over_websocket() {
    run("python", "websocket");
}

#[test]
fn python_with_an_upgrade() {
    run("python", "upgrade");
}
