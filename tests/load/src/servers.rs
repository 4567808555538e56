//! The servers that are measured: ours in its deliveries and bindings, and its peers.

use std::path::{Path, PathBuf};

/// All ratios are to this server, in the same round.
pub(crate) const BASELINE: &str = "socketioxide";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Workers {
    /// The server runs as many threads as it is told.
    AsTold,
    /// It has one thread, whatever it is told.
    One,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct ServerKind {
    pub(crate) name: &'static str,
    /// Beginning with `/` from the top of the tree, otherwise something in PATH.
    program: &'static str,
    args: &'static [&'static str],
    /// Without this there is no such server: it has not been built.
    needs: &'static str,
    pub(crate) workers: Workers,
    pub(crate) ours: bool,
}

pub(crate) const SERVERS: &[ServerKind] = &[
    ours("bellwire-inline", &["--delivery", "inline"]),
    ours("bellwire-threads", &["--delivery", "threads"]),
    ours("bellwire-polled", &["--delivery", "polled"]),
    ServerKind {
        name: BASELINE,
        program: "/build/bench-oxide/release/bench-oxide",
        args: &[],
        needs: "/build/bench-oxide/release/bench-oxide",
        workers: Workers::AsTold,
        ours: false,
    },
    ServerKind {
        name: "socket.io",
        program: "node",
        args: &["/tests/load/peers/node/server.mjs"],
        needs: "/tests/load/peers/node/node_modules",
        workers: Workers::One,
        ours: false,
    },
    ServerKind {
        name: "python-socketio",
        program: "/build/bench-python/bin/python",
        args: &["/tests/load/peers/python/server.py"],
        needs: "/build/bench-python/bin/uvicorn",
        workers: Workers::One,
        ours: false,
    },
];

const fn ours(name: &'static str, args: &'static [&'static str]) -> ServerKind {
    ServerKind {
        name,
        program: "/build/bench/bellwire",
        args,
        needs: "/build/bench/bellwire",
        workers: Workers::AsTold,
        ours: true,
    }
}

impl ServerKind {
    pub(crate) fn is_built(&self) -> bool {
        in_tree(self.needs).exists()
    }

    pub(crate) fn command(&self, threads: usize) -> Vec<PathBuf> {
        let mut command: Vec<PathBuf> = std::iter::once(self.program)
            .chain(self.args.iter().copied())
            .map(in_tree)
            .collect();
        command.extend(["--threads".into(), threads.to_string().into()]);
        command
    }
}

fn in_tree(word: &str) -> PathBuf {
    match word.strip_prefix('/') {
        Some(path) => Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../..")
            .join(path),
        None => word.into(),
    }
}
