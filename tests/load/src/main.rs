//! `bellwire-load`: puts load on Bellwire and its peers and says what it costs them.
//!
//! One thread does everything, so that the generator costs less than any server: it starts a
//! server, drives its clients from one epoll, and reads the server's processor time. The parts:
//! `scenarios` and `servers` are the two tables, `runner` goes through them, `load` holds the ways
//! of loading, `net` the wire, `report` compares the rows, and `table` and `picture` show that.

mod clock;
mod command_line;
mod gauge;
mod histogram;
mod load;
mod net;
mod payload;
mod picture;
mod process;
mod report;
mod rows;
mod runner;
mod scenarios;
mod servers;
mod table;

use std::io::{self, Write};
use std::process::ExitCode;

use crate::command_line::Command;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let done = match command_line::parse(&words) {
        Ok(command) => obey(&command),
        Err(why) => Err(io::Error::other(format!(
            "{why}\n\n{}",
            command_line::USAGE
        ))),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            // When even this cannot be written, the exit code still says it.
            let _unwritable = writeln!(io::stderr(), "bellwire-load: {e}");
            ExitCode::FAILURE
        }
    }
}

fn obey(command: &Command) -> io::Result<()> {
    match command {
        Command::Run {
            effort,
            scenarios,
            servers,
            out,
        } => match runner::run(*effort, scenarios, servers, out)? {
            0 => Ok(()),
            failed => Err(io::Error::other(format!("{failed} measurements failed"))),
        },
        Command::Report { rows, table, svg } => {
            let (machine, rows) = rows::read(rows)?;
            let report = report::Report::of(machine, &rows);
            if let Some(path) = table {
                std::fs::write(path, table::markdown(&report))?;
            }
            if let Some(path) = svg {
                std::fs::write(path, picture::draw(&report))?;
            }
            if table.is_none() && svg.is_none() {
                io::stdout().write_all(table::markdown(&report).as_bytes())?;
            }
            Ok(())
        }
        Command::List => {
            let mut out = io::stdout().lock();
            for scenario in scenarios::SCENARIOS {
                writeln!(out, "{:<20} {}", scenario.name, scenario.title)?;
            }
            writeln!(out)?;
            for server in servers::SERVERS {
                let state = if server.is_built() { "" } else { "(not built)" };
                writeln!(out, "{:<26} {state}", server.name)?;
            }
            Ok(())
        }
    }
}
