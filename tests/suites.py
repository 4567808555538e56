"""The steps of `make test`: one row for each build and for each suite. `run.py` runs them.

Rows are in the order in which they start, the longest first. `cores` is the number of cores that a step keeps busy on
average: most suites wait more than they compute, so several of them run side by side.
"""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Step:
    """A command and what has to be true before it can start."""

    name: str
    command: tuple[str, ...]
    cores: float
    # Steps that must have succeeded before.
    needs: tuple[str, ...] = ()
    folder: str = "."
    env: Mapping[str, str] = field(default_factory=dict)
    # Steps with the same lock never run at the same time: cargo lets only one build use a target folder.
    lock: str = ""
    # The step measures time or memory of other processes: it runs when nothing else does, after all other steps.
    alone: bool = False
    is_suite: bool = False


def build(name: str, *command: str, **more) -> Step:
    return Step(name, command, **more)


def suite(name: str, *command: str, **more) -> Step:
    return Step(name, command, is_suite=True, **more)


def cargo_test(*targets: str) -> tuple[str, ...]:
    """Tests of the whole workspace, filtered by target.

    `-p` would select other features of the dependencies, and so build them a second time.
    """
    return ("cargo", "test", "--locked", "--no-fail-fast", *targets)


def test_targets() -> dict[str, list[str]]:
    """The names of the integration tests of each package."""
    metadata = subprocess.run(
        ["cargo", "metadata", "--locked", "--no-deps", "--format-version", "1"],
        check=True,
        capture_output=True,
        cwd=ROOT,
    )
    return {
        package["name"]: [target["name"] for target in package["targets"] if target["kind"] == ["test"]]
        for package in json.loads(metadata.stdout)["packages"]
    }


BUILDS = [
    build("packages", "make", "packages", cores=0.2),
    build("library", "make", "lib", "examples", cores=1.2, lock="target/release"),
    build("test programs", *cargo_test("--no-run"), cores=1.2, lock="target/debug"),
    build("clients", "make", "setup", cores=0.2, needs=("packages",)),
    build("Node addon", "make", "-C", "bindings/node", "build", cores=1.0, lock="target/release"),
    build("Python extension", "make", "-C", "bindings/python", "install", "wheel", cores=1.0, lock="target/release"),
    build(
        "load generator",
        "make",
        "-C",
        "tests/load",
        "load",
        "ours",
        "floor",
        cores=1.0,
        needs=("library",),
        lock="target/release",
    ),
    build("loom model", "make", "loom-build", cores=1.0),
]


def suites() -> list[Step]:
    targets = test_targets()
    black_box = targets.pop("conformance")
    protocol = [name for name in black_box if name.startswith("protocol_")]
    slow = ["capi"]
    other = [name for name in black_box if name not in protocol + slow]
    engine = sorted(name for names in targets.values() for name in names)

    def flags(names: list[str]) -> list[str]:
        return [word for name in names for word in ("--test", name)]

    def protocols(name: str, *more: str, threads: int, needs: tuple[str, ...] = (), **env: str) -> Step:
        env["RUST_TEST_THREADS"] = str(threads)
        everything = ("test programs", "library", "clients", *needs)
        return suite(name, *cargo_test(*flags([*more, *protocol])), cores=0.9, needs=everything, env=env)

    native = ("test programs", "library", "clients")
    return [
        suite("capi", *cargo_test("--test", "capi"), cores=1.4, needs=native),
        suite("loom", "make", "loom", cores=1.0, needs=("loom model",)),
        protocols("protocol: Python", "clients", threads=6, needs=("Python extension",), BELLWIRE_SERVER="python"),
        protocols("protocol: Node", "clients", threads=16, needs=("Node addon",), BELLWIRE_SERVER="node"),
        protocols("protocol: polled", threads=16, BELLWIRE_DELIVERY="polled"),
        protocols("protocol: inline", threads=16, BELLWIRE_DELIVERY="inline"),
        protocols("protocol: C++", threads=16, BELLWIRE_ECHO=str(ROOT / "build/examples/echo-cpp")),
        protocols("protocol: official server", threads=16, BELLWIRE_SERVER="reference"),
        protocols("protocol: threads", threads=6),
        suite(
            "Python package",
            "../../build/python/bin/pytest",
            "--quiet",
            "tests",
            cores=0.7,
            folder="bindings/python",
            needs=("Python extension", "clients"),
        ),
        suite("Node package", "npm", "test", cores=0.7, folder="bindings/node", needs=("Node addon", "clients")),
        suite("engine", *cargo_test("--lib", "--bins", *flags(engine)), cores=1.0, needs=("test programs",)),
        suite(
            "clients, examples, installation",
            *cargo_test(*flags(other)),
            cores=0.8,
            needs=native,
            env={"RUST_TEST_THREADS": "6"},
        ),
        suite("documentation", "cargo", "test", "--locked", "--doc", cores=0.8, needs=("test programs",)),
        suite("browser", "node", "--test", cores=0.8, folder="tests/browser", needs=("library", "clients")),
        suite("load, briefly", "make", "-C", "tests/load", "smoke", cores=2.0, needs=("load generator",), alone=True),
    ]
