//! Clients that are connected and say nothing but what the heartbeat asks of them.

use std::io;

use crate::clock::{SECOND, now_ns};
use crate::gauge::{Figures, Gauge, Progress, Window};
use crate::load::TURN;
use crate::net::{Answer, Fleet, refuse_close};
use crate::process::Server;

pub(crate) fn idle(
    server: &Server,
    clients: usize,
    answer: Answer,
    window: Window,
) -> io::Result<Figures> {
    // A first client makes the server set up what it sets up once.
    drop(Fleet::connected(server.port, 1, answer)?);
    let empty = server.resident()?;
    let started = now_ns();
    let mut fleet = Fleet::connected(server.port, clients, answer)?;
    let seconds = (now_ns() - started) as f64 / SECOND as f64;
    let full = server.resident()?;

    let mut gauge = Gauge::start(server, window);
    while gauge.tick(now_ns())? == Progress::Running {
        fleet.forgive_silence();
        for found in fleet.wait(TURN)? {
            refuse_close(fleet.take(found)?)?;
        }
    }
    let mut figures = gauge.figures()?;
    figures.insert("connects_per_s", clients as f64 / seconds);
    figures.insert(
        "bytes_each",
        full.saturating_sub(empty) as f64 / clients as f64,
    );
    Ok(figures)
}
