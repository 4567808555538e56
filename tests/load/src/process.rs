//! A server under measurement: started on its own cores, asked for its processor time and memory,
//! and ended with the measurement.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::str::FromStr;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::clock::SECOND;

/// Processor time used so far, by all threads of a process and of its children.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct CpuTime {
    pub(crate) user_ns: u64,
    pub(crate) system_ns: u64,
}

impl CpuTime {
    pub(crate) fn total_ns(self) -> u64 {
        self.user_ns + self.system_ns
    }

    pub(crate) fn since(self, earlier: Self) -> Self {
        Self {
            user_ns: self.user_ns.saturating_sub(earlier.user_ns),
            system_ns: self.system_ns.saturating_sub(earlier.system_ns),
        }
    }
}

/// Which cores the server and the load generator have.
#[derive(Clone, Debug)]
pub(crate) struct Cores {
    all: CpuSet,
    server: CpuSet,
    load: CpuSet,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pinning {
    /// The server on one core, the load on another.
    Apart,
    /// Wherever the kernel puts them.
    Free,
}

impl Cores {
    /// The first two cores this process may use. With one only, nothing can be pinned apart.
    pub(crate) fn find() -> io::Result<Self> {
        let all = sched_getaffinity(None)?;
        let mut usable = (0..CpuSet::MAX_CPU).filter(|cpu| all.is_set(*cpu));
        let one = |cpu: Option<usize>| {
            let mut set = CpuSet::new();
            match cpu {
                Some(cpu) => set.set(cpu),
                None => set = all,
            }
            set
        };
        let server = one(usable.next());
        let load = one(usable.next());
        Ok(Self { all, server, load })
    }

    /// Moves this thread, the load generator, to where it belongs.
    pub(crate) fn place_load(&self, pinning: Pinning) -> io::Result<()> {
        let set = match pinning {
            Pinning::Apart => &self.load,
            Pinning::Free => &self.all,
        };
        Ok(sched_setaffinity(None, set)?)
    }
}

#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
}

impl Server {
    /// Starts the command and waits for its line `listening on PORT`.
    pub(crate) fn start(
        command: &[impl AsRef<OsStr>],
        cores: &Cores,
        pinning: Pinning,
    ) -> io::Result<Self> {
        // A child inherits the cores of the thread that starts it.
        let set = match pinning {
            Pinning::Apart => &cores.server,
            Pinning::Free => &cores.all,
        };
        sched_setaffinity(None, set)?;
        let started = Command::new(&command[0])
            .args(&command[1..])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        cores.place_load(pinning)?;
        let mut child = started?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        let mut server = Self { child, port: 0 };
        server.port = line
            .trim_end()
            .strip_prefix("listening on ")
            .and_then(|port| port.parse().ok())
            .ok_or_else(|| io::Error::other(format!("not `listening on PORT`: {line:?}")))?;
        Ok(server)
    }

    pub(crate) fn cpu_time(&self) -> io::Result<CpuTime> {
        processes(self.child.id())?.into_iter().map(cpu_time).sum()
    }

    /// Processor time of the first thread alone: the one that runs handlers in Node and in Python.
    pub(crate) fn host_thread_ns(&self) -> io::Result<u64> {
        let pid = self.child.id();
        let path = format!("/proc/{pid}/task/{pid}/schedstat");
        Ok(scheduled_ns(&fs::read_to_string(path)?))
    }

    /// Resident memory in bytes.
    pub(crate) fn resident(&self) -> io::Result<u64> {
        processes(self.child.id())?.into_iter().map(resident).sum()
    }

    pub(crate) fn threads(&self) -> io::Result<u64> {
        let count = |pid| Ok(fs::read_dir(format!("/proc/{pid}/task"))?.count() as u64);
        processes(self.child.id())?.into_iter().map(count).sum()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to do.
        let _ended = self.child.kill();
        let _waited = self.child.wait();
    }
}

/// The load generator's own processor time.
pub(crate) fn own_cpu_time() -> io::Result<CpuTime> {
    cpu_time(std::process::id())
}

/// A process and all that descend from it.
fn processes(pid: u32) -> io::Result<Vec<u32>> {
    let mut found = vec![pid];
    let mut at = 0;
    while at < found.len() {
        for task in fs::read_dir(format!("/proc/{}/task", found[at]))? {
            let children = fs::read_to_string(task?.path().join("children")).unwrap_or_default();
            found.extend(
                children
                    .split_ascii_whitespace()
                    .filter_map(|pid| pid.parse::<u32>().ok()),
            );
        }
        at += 1;
    }
    Ok(found)
}

/// The scheduler's count is exact; the ticks of `stat` only divide it into user and system time.
fn cpu_time(pid: u32) -> io::Result<CpuTime> {
    let mut exact = 0;
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        let text = fs::read_to_string(task?.path().join("schedstat")).unwrap_or_default();
        exact += scheduled_ns(&text);
    }
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let after_name = stat.rsplit(") ").next().unwrap_or_default();
    let tick_ns = SECOND / rustix::param::clock_ticks_per_second();
    let ticks = |field: usize| -> u64 {
        after_name
            .split(' ')
            .nth(field)
            .and_then(|n| n.parse().ok())
            .unwrap_or(0)
    };
    let user_ns = ticks(11) * tick_ns;
    let system_ns = ticks(12) * tick_ns;
    let counted = user_ns + system_ns;
    // Threads that have ended are in `stat` alone.
    let total = if counted > exact + exact / 16 {
        counted
    } else {
        exact
    };
    let user_ns = if counted == 0 {
        total / 2
    } else {
        (u128::from(total) * u128::from(user_ns) / u128::from(counted)) as u64
    };
    Ok(CpuTime {
        user_ns,
        system_ns: total - user_ns,
    })
}

/// The first number of `schedstat`.
fn scheduled_ns(schedstat: &str) -> u64 {
    let first = schedstat.split(' ').next();
    first.and_then(|ns| ns.parse().ok()).unwrap_or(0)
}

impl std::iter::Sum for CpuTime {
    fn sum<I: Iterator<Item = Self>>(times: I) -> Self {
        times.fold(Self::default(), |a, b| Self {
            user_ns: a.user_ns + b.user_ns,
            system_ns: a.system_ns + b.system_ns,
        })
    }
}

fn resident(pid: u32) -> io::Result<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let kib = text
        .lines()
        .find_map(|line| line.strip_prefix("Rss:"))
        .and_then(|rest| u64::from_str(rest.trim_end_matches("kB").trim()).ok())
        .ok_or_else(|| io::Error::other("no Rss in smaps_rollup"))?;
    Ok(kib * 1024)
}
