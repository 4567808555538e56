#!/usr/bin/env python3
"""Counts words and phrases that the project does not use, and docs that only point elsewhere.

    tests/check/prose.py            fails if a folder has more of them than prose-baseline.txt allows
    tests/check/prose.py --update   writes the baseline; counts may only go down
    tests/check/prose.py FILE...    shows each place

The counts are those of a top folder, so that files can move. A folder that is not in the baseline may have none. Only
prose counts: Markdown without code blocks, and comments of sources.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BASELINE = Path(__file__).with_name("prose-baseline.txt")

BANNED = re.compile(
    r"\b(nobody|somebody|everybody|whoever|nonsense|good-?byes?|so many|of which|as far as|in the end|from now on"
    r"|(?:is|are|was|were) no(?! (?:longer|more|fewer|less|later|earlier|larger|smaller))"
    r"|See the module's documentation)\b",
    re.IGNORECASE,
)
# How a comment begins and what it may span, by suffix.
SLASHES = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
HASHES = re.compile(r'(?:^|\s)#[^\n]*|""".*?"""', re.DOTALL)
FENCES = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
STRINGS = re.compile(r'"(?:\\.|[^"\\\n])*"')
SUFFIXES = {
    **dict.fromkeys((".rs", ".c", ".h", ".cpp", ".hpp", ".js", ".mjs", ".cjs", ".ts"), SLASHES),
    **dict.fromkeys((".py", ".pyi", ".toml", ".sh", ".mk", ".yml"), HASHES),
}
# Licences are the words of others; the reports are generated; this file names what it looks for.
NOT_OURS = re.compile(r"(^|/)(LICENSE|CODE_OF_CONDUCT)|^tests/load/report|^tests/check/prose")


def prose(path: Path) -> Iterator[tuple[int, str]]:
    """The texts of a file with the number of the line in which each begins."""
    text = path.read_text(errors="replace")
    pattern = HASHES if path.name == "Makefile" else SUFFIXES.get(path.suffix)
    if path.suffix == ".md":
        hidden = FENCES.sub(lambda code: "\n" * code[0].count("\n"), text)
        yield 1, hidden
    elif pattern is not None:
        # A quotation is what a program says, not what a comment does; its slashes begin no comment.
        hidden = text if pattern is HASHES else STRINGS.sub(lambda quoted: " " * len(quoted[0]), text)
        for comment in pattern.finditer(hidden):
            yield text.count("\n", 0, comment.start()) + 1, comment[0]


def found(path: Path) -> list[tuple[int, str]]:
    """The banned words of a file, each with its line. A phrase may go on in the next line of a comment."""
    words = []
    for line, text in prose(path):
        words += [(line + text.count("\n", 0, word.start()), word[0]) for word in BANNED.finditer(text)]
    return words


def files() -> list[str]:
    listed = subprocess.run(["git", "ls-files", "-z"], check=True, capture_output=True, text=True, cwd=ROOT).stdout
    return [name for name in listed.split("\0") if name and not NOT_OURS.search(name) and (ROOT / name).is_file()]


def folder(name: str) -> str:
    """The folder in whose count a file is; each binding is one."""
    parts = name.split("/")
    return "/".join(parts[: 2 if parts[0] == "bindings" else 1]) if len(parts) > 1 else "."


def main(words: list[str]) -> int:
    if words and words != ["--update"]:
        for name in words:
            for line, word in found(Path(name)):
                print(f"{name}:{line}: {word}")
        return 0
    places: dict[str, list[str]] = {}
    for name in files():
        texts = [f"  {name}:{line}: {' '.join(word.split())}" for line, word in found(ROOT / name)]
        if texts:
            places.setdefault(folder(name), []).extend(texts)
    counts = {name: len(texts) for name, texts in sorted(places.items())}
    allowed: dict[str, int] = {}
    if BASELINE.exists():
        for line in BASELINE.read_text().splitlines():
            name, count = line.split()
            allowed[name] = int(count)
        more = [name for name in counts if counts[name] > allowed.get(name, 0)]
        for name in more:
            print("\n".join(places[name]))
            print(
                f"{name}: {counts[name]} words or phrases that CONTRIBUTING.md bans; at most {allowed.get(name, 0)} are allowed"
            )
        if more:
            return 1
    if words:
        BASELINE.write_text("".join(f"{name} {count}\n" for name, count in counts.items()))
    elif fewer := sum(allowed.values()) - sum(counts.values()):
        print(f"prose: {fewer} banned words fewer than allowed; tests/check/prose.py --update lowers the numbers")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
