#!/usr/bin/env python3
"""What deny.toml says about licences, duplicates and sources, checked from `cargo metadata`, and the oldest Rust.

`cargo deny check` checks the same and known vulnerabilities; it takes long to install, and needs its database. This
program needs cargo and Python only.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

import tomllib

ROOT = Path(__file__).resolve().parents[2]
CRATES_IO = "registry+https://github.com/rust-lang/crates.io-index"


def version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


def is_allowed(licence: str, allowed: set[str]) -> bool:
    """Whether an SPDX expression can be satisfied with these licences. Crates also write "MIT/Apache-2.0"."""
    words = re.findall(r"\(|\)|[^\s()]+(?: WITH \S+?(?=[\s)]|$))?", licence.replace("/", " OR "))
    python = {"OR": "or", "AND": "and", "(": "(", ")": ")"}
    return eval(" ".join(python.get(word, str(word in allowed)) for word in words), {"__builtins__": {}})


def main() -> int:
    deny = tomllib.loads((ROOT / "deny.toml").read_text())
    allowed = set(deny["licenses"]["allow"])
    skipped = [entry["crate"] for entry in deny["bans"]["skip"]]
    command = ["cargo", "metadata", "--locked", "--format-version", "1"]
    command += [f"--filter-platform={target}" for target in deny["graph"]["targets"]]
    metadata = json.loads(subprocess.check_output(command, cwd=ROOT))
    own = [package for package in metadata["packages"] if package["source"] is None]
    foreign = [package for package in metadata["packages"] if package["source"] is not None]
    faults = [f"{package['name']}: Cargo.toml states no rust-version" for package in own if not package["rust_version"]]
    oldest = min((package["rust_version"] for package in own if package["rust_version"]), key=version)
    versions: dict[str, list[str]] = {}
    for package in foreign:
        name = f"{package['name']} {package['version']}"
        if not any(f"{package['name']}@{package['version']}".startswith(f"{skip}.") for skip in skipped):
            versions.setdefault(package["name"], []).append(package["version"])
        if not is_allowed(package["license"] or "none", allowed):
            faults.append(f"{name}: deny.toml does not allow the licence {package['license']}")
        if package["source"] != CRATES_IO:
            faults.append(f"{name}: comes from {package['source']}, not from crates.io")
        if package["rust_version"] and version(package["rust_version"])[:2] > version(oldest)[:2]:
            faults.append(f"{name}: needs Rust {package['rust_version']}, and Cargo.toml states {oldest}")
    faults += [f"{name}: several versions, {', '.join(all)}" for name, all in versions.items() if len(all) > 1]
    print("\n".join(faults), file=sys.stderr, end="\n" if faults else "")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
