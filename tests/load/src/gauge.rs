//! One measurement: a time of warming up, then a time in which answers are counted and whose
//! processor time, on both sides, is taken at its two ends.

use std::collections::BTreeMap;
use std::io;

use crate::clock::{SECOND, now_ns};
use crate::histogram::Histogram;
use crate::process::{CpuTime, Server, own_cpu_time};

/// The figures of a measurement, by name: see `scenarios::Figure` for what they are.
pub(crate) type Figures = BTreeMap<&'static str, f64>;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    pub(crate) warm_ns: u64,
    pub(crate) measure_ns: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    Running,
    Over,
}

#[derive(Debug)]
pub(crate) struct Gauge<'a> {
    server: &'a Server,
    /// Start of the measurement proper, then its end.
    next_edge: u64,
    measure_ns: u64,
    start: Option<Snapshot>,
    end: Option<Snapshot>,
    units: u64,
    latency: Histogram,
}

#[derive(Clone, Copy, Debug)]
struct Snapshot {
    at: u64,
    server: CpuTime,
    host_thread_ns: u64,
    load: CpuTime,
}

impl<'a> Gauge<'a> {
    pub(crate) fn start(server: &'a Server, window: Window) -> Self {
        Self {
            server,
            next_edge: now_ns() + window.warm_ns,
            measure_ns: window.measure_ns,
            start: None,
            end: None,
            units: 0,
            latency: Histogram::new(),
        }
    }

    /// To be called in every turn of the driver's loop.
    pub(crate) fn tick(&mut self, now: u64) -> io::Result<Progress> {
        if now < self.next_edge {
            return Ok(Progress::Running);
        }
        let snapshot = Snapshot {
            at: now_ns(),
            server: self.server.cpu_time()?,
            host_thread_ns: self.server.host_thread_ns()?,
            load: own_cpu_time()?,
        };
        if self.start.is_none() {
            self.start = Some(snapshot);
            self.next_edge = snapshot.at + self.measure_ns;
            self.units = 0;
            self.latency.clear();
            return Ok(Progress::Running);
        }
        self.end = Some(snapshot);
        Ok(Progress::Over)
    }

    /// Something that is measured has been done `n` times.
    pub(crate) fn count(&mut self, n: u32) {
        self.units += u64::from(n);
    }

    pub(crate) fn latency(&mut self, ns: u64) {
        self.latency.add(ns);
    }

    pub(crate) fn figures(&self) -> io::Result<Figures> {
        let (Some(start), Some(end)) = (self.start, self.end) else {
            return Err(io::Error::other("the measurement did not come to its end"));
        };
        let seconds = (end.at - start.at) as f64 / SECOND as f64;
        let cpu = end.server.since(start.server);
        let load = end.load.since(start.load);
        let mut figures = Figures::from([
            ("seconds", seconds),
            ("units", self.units as f64),
            ("threads", self.server.threads()? as f64),
            ("cpu_ms_per_s", cpu.total_ns() as f64 / 1e6 / seconds),
            ("resident_mib", self.server.resident()? as f64 / 1_048_576.0),
        ]);
        if self.units > 0 {
            let each = |ns: u64| ns as f64 / 1e3 / self.units as f64;
            figures.extend([
                ("cpu_us", each(cpu.total_ns())),
                ("user_us", each(cpu.user_ns)),
                ("system_us", each(cpu.system_ns)),
                ("load_us", each(load.total_ns())),
                ("per_s", self.units as f64 / seconds),
            ]);
        }
        if self.latency.entries() > 0 {
            let host_ns = end.host_thread_ns - start.host_thread_ns;
            let handled = self.latency.entries() as f64;
            figures.insert("host_us", host_ns as f64 / 1e3 / handled);
            for (name, share) in [("p50_us", 0.5), ("p90_us", 0.9), ("p99_us", 0.99)] {
                figures.insert(name, self.latency.quantile(share) as f64 / 1e3);
            }
        }
        Ok(figures)
    }
}
