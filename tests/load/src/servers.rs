//! The servers that are measured: ours in its deliveries and bindings, and its peers.

use std::path::{Path, PathBuf};

/// All ratios of the engine's scenarios are to this server, in the same round.
pub(crate) const BASELINE: &str = "socketioxide";
/// Ours as the targets mean it.
pub(crate) const OURS: &str = "bellwire-inline";
/// What the kernel alone costs.
pub(crate) const FLOOR: &str = "floor";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Workers {
    /// The server runs as many threads as it is told.
    AsTold,
    /// It has one thread, whatever it is told.
    One,
}

/// What a server stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// The engine, through its C interface.
    Engine,
    /// A native library that it is held against.
    Rival,
    /// The least that any server does, to see how much of a figure the kernel has.
    Floor,
    /// The same protocol in a language that there is a binding for.
    Peer,
    /// A binding, which is held against the peer of that name.
    Binding(&'static str),
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct ServerKind {
    pub(crate) name: &'static str,
    /// Beginning with `/` from the top of the tree, otherwise something in PATH.
    program: &'static str,
    args: &'static [&'static str],
    /// The file that must exist for this server; it is missing if the server has not been built.
    needs: &'static str,
    pub(crate) workers: Workers,
    pub(crate) role: Role,
}

pub(crate) const SERVERS: &[ServerKind] = &[
    engine(OURS, &["--delivery", "inline"]),
    ServerKind {
        name: FLOOR,
        program: "/build/bench/floor",
        args: &[],
        needs: "/build/bench/floor",
        workers: Workers::One,
        role: Role::Floor,
    },
    engine("bellwire-threads", &["--delivery", "threads"]),
    engine("bellwire-polled", &["--delivery", "polled"]),
    ServerKind {
        name: BASELINE,
        program: "/build/bench-oxide/release/bench-oxide",
        args: &[],
        needs: "/build/bench-oxide/release/bench-oxide",
        workers: Workers::AsTold,
        role: Role::Rival,
    },
    ServerKind {
        name: "bellwire-node",
        program: "node",
        args: &["/tests/load/peers/node/bellwire.mjs"],
        needs: "/bindings/node/bellwire.node",
        workers: Workers::AsTold,
        role: Role::Binding("socket.io"),
    },
    ServerKind {
        name: "socket.io",
        program: "node",
        args: &["/tests/load/peers/node/server.mjs"],
        needs: "/tests/load/peers/node/node_modules",
        workers: Workers::One,
        role: Role::Peer,
    },
    python(
        "bellwire-python",
        &["/tests/load/peers/python/bellwire_server.py"],
    ),
    python(
        "bellwire-python-coroutine",
        &[
            "/tests/load/peers/python/bellwire_server.py",
            "--coroutines",
        ],
    ),
    ServerKind {
        name: "python-socketio",
        program: "/build/bench-python/bin/python",
        args: &["/tests/load/peers/python/server.py"],
        needs: "/build/bench-python/bin/uvicorn",
        workers: Workers::One,
        role: Role::Peer,
    },
];

const fn engine(name: &'static str, args: &'static [&'static str]) -> ServerKind {
    ServerKind {
        name,
        program: "/build/bench/bellwire",
        args,
        needs: "/build/bench/bellwire",
        workers: Workers::AsTold,
        role: Role::Engine,
    }
}

const fn python(name: &'static str, args: &'static [&'static str]) -> ServerKind {
    ServerKind {
        name,
        program: "/build/python/bin/python",
        args,
        needs: "/bindings/python/python/bellwire/_native.abi3.so",
        workers: Workers::AsTold,
        role: Role::Binding("python-socketio"),
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
