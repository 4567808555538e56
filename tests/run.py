#!/usr/bin/env python3
"""Builds what the tests need and runs all suites, several at a time: `make test`.

    tests/run.py                    everything
    tests/run.py capi 'protocol*'   the suites with these names, and what they need
    tests/run.py --list             the names

A failure does not stop the other suites. What each step prints goes to build/test/NAME.log; the output of a step that
failed is also printed whole, before the table of all suites at the end. Ctrl-C ends the steps that run.
"""

import fnmatch
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass

from suites import BUILDS, ROOT, Step, suites

LOGS = ROOT / "build/test"
# A step that takes longer is ended and has failed.
STEP_TIMEOUT = 1200
# How long a step has to end by itself after Ctrl-C, before it is killed.
GRACE = 10
# Without news for so long, a line says what runs.
QUIET = 30

# The lines with which the runners report their counts.
CARGO = re.compile(r"^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored", re.MULTILINE)
PYTEST = re.compile(r"^=* ?((?:\d+ \w+(?:, )?)+) in [\d.]+s", re.MULTILINE)
NODE = re.compile(r"^[#ℹ] (pass|fail|cancelled|skipped|todo) (\d+)$", re.MULTILINE)
PLAIN = re.compile(r"^(\d+) passed, (\d+) failed$", re.MULTILINE)


@dataclass
class Counts:
    passed: int = 0
    failed: int = 0
    skipped: int = 0


def count(output: str) -> Counts:
    """The sums of all counts that the runners have printed."""
    counts = Counts()
    for pattern in (CARGO, PLAIN):
        for found in pattern.finditer(output):
            numbers = [int(number) for number in found.groups()]
            counts.passed += numbers[0]
            counts.failed += numbers[1]
            counts.skipped += sum(numbers[2:])
    words = [pair.split() for found in PYTEST.finditer(output) for pair in found[1].split(", ")]
    words += [(number, word) for word, number in NODE.findall(output)]
    for number, word in words:
        if word in ("passed", "pass", "xfailed"):
            counts.passed += int(number)
        elif word in ("failed", "fail", "error", "errors", "cancelled", "xpassed"):
            counts.failed += int(number)
        elif word in ("skipped", "todo", "deselected"):
            counts.skipped += int(number)
    return counts


class Run:
    """A step that was started."""

    def __init__(self, step: Step) -> None:
        self.step = step
        self.started = time.monotonic()
        self.seconds = self.cpu = 0.0
        self.status: int | None = None
        kind = "suite" if step.is_suite else "build"
        self.log = LOGS / f"{kind} {step.name}.log".replace(" ", "-").replace(":", "").replace(",", "")
        # An outer make's jobs are not for the steps, nor is its silence.
        env = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                step.command,
                cwd=ROOT / step.folder,
                env=env | dict(step.env),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def has_ended(self) -> bool:
        """Whether it has; also its exit status and processor time are known then."""
        pid, status, usage = os.wait4(self.process.pid, os.WNOHANG)
        self.seconds = time.monotonic() - self.started
        if pid == 0:
            if self.seconds > STEP_TIMEOUT:
                self.signal(signal.SIGKILL)
            return False
        self.cpu = usage.ru_utime + usage.ru_stime
        self.status = self.process.returncode = os.waitstatus_to_exitcode(status)
        self.signal(signal.SIGKILL)
        return True

    def signal(self, which: signal.Signals) -> None:
        """Sends a signal to all processes of the step."""
        try:
            os.killpg(self.process.pid, which)
        except ProcessLookupError:
            pass

    @property
    def output(self) -> str:
        return self.log.read_text(errors="replace")

    @property
    def counts(self) -> Counts:
        return count(self.output) if self.step.is_suite else Counts()

    @property
    def succeeded(self) -> bool:
        """A suite in which no test ran has failed."""
        counts = self.counts
        return self.status == 0 and counts.failed == 0 and (not self.step.is_suite or counts.passed > 0)

    def __str__(self) -> str:
        counts = self.counts
        result = f"{counts.passed} passed, {counts.failed} failed" if self.step.is_suite else "built"
        if not self.succeeded:
            result = f"FAILED ({result})" if self.step.is_suite else "FAILED"
        return f"{self.step.name}: {result} in {self.seconds:.0f} s"


class Schedule:
    """Which steps wait, run and have ended.

    A step waits until its needs are built, its lock is free and enough cores are; what is alone waits for all others.
    """

    def __init__(self, steps: list[Step]) -> None:
        self.began = self.last_news = time.monotonic()
        self.cores = 1.25 * (os.cpu_count() or 1)
        self.waiting = list(steps)
        self.running: list[Run] = []
        self.ended: list[Run] = []
        self.not_run: list[Step] = []

    def run(self) -> None:
        while self.waiting or self.running:
            self.drop_what_cannot_run()
            while step := next((step for step in self.waiting if self.may_start(step)), None):
                self.waiting.remove(step)
                self.running.append(Run(step))
                self.tell(f"start {step.name}")
            time.sleep(0.1)
            for run in [run for run in self.running if run.has_ended()]:
                self.running.remove(run)
                self.ended.append(run)
                self.tell(str(run))
            if self.running and time.monotonic() - self.last_news > QUIET:
                self.tell("running: " + ", ".join(f"{run.step.name} ({run.seconds:.0f} s)" for run in self.running))

    def may_start(self, step: Step) -> bool:
        built = {run.step.name for run in self.ended if not run.step.is_suite}
        if not built.issuperset(step.needs) or any(run.step.alone for run in self.running):
            return False
        if not self.running:
            return not step.alone or all(other.alone for other in self.waiting)
        busy = sum(run.step.cores for run in self.running)
        locks = {run.step.lock for run in self.running if run.step.lock}
        return not step.alone and step.lock not in locks and busy + step.cores <= self.cores

    def drop_what_cannot_run(self) -> None:
        failed = {run.step.name for run in self.ended if not run.step.is_suite and not run.succeeded}
        failed |= {step.name for step in self.not_run if not step.is_suite}
        for step in [step for step in self.waiting if failed.intersection(step.needs)]:
            self.waiting.remove(step)
            self.not_run.append(step)
            self.tell(f"{step.name}: not run, since {', '.join(failed.intersection(step.needs))} failed")

    def stop(self) -> None:
        """Ends all steps that run."""
        for run in self.running:
            run.signal(signal.SIGTERM)
        until = time.monotonic() + GRACE
        while self.running and time.monotonic() < until:
            self.running = [run for run in self.running if not run.has_ended()]
            time.sleep(0.1)
        for run in self.running:
            run.signal(signal.SIGKILL)
            run.process.wait()

    def tell(self, news: str) -> None:
        self.last_news = time.monotonic()
        done = len(self.ended) + len(self.not_run)
        total = done + len(self.running) + len(self.waiting)
        seconds = int(self.last_news - self.began)
        print(f"[{seconds // 60:2}:{seconds % 60:02} {done:2}/{total}] {news}", flush=True)

    # ------------------------------------------------------------------- the end

    def succeeded(self) -> bool:
        return not self.not_run and all(run.succeeded for run in self.ended)

    def print_failures(self) -> None:
        for run in self.ended:
            if not run.succeeded:
                command = " ".join([*(f"{name}={value}" for name, value in run.step.env.items()), *run.step.command])
                print(f"\n==== {run.step.name} failed (status {run.status}): {command}\n{run.output}")

    def print_table(self) -> None:
        print(f"\n{'suite':34}{'passed':>8}{'failed':>8}{'skipped':>9}{'seconds':>9}{'cpu s':>8}")
        for run in self.ended:
            if run.step.is_suite:
                counts = run.counts
                numbers = f"{counts.passed:8}{counts.failed:8}{counts.skipped:9}"
            elif run.succeeded:
                continue
            else:
                numbers = " " * 25
            verdict = "" if run.succeeded else "  FAILED"
            print(f"{run.step.name:34}{numbers}{run.seconds:9.0f}{run.cpu:8.0f}{verdict}")
        for step in self.not_run:
            if step.is_suite:
                print(f"{step.name:34}{'':42}  NOT RUN")
        builds = sum(run.cpu for run in self.ended if not run.step.is_suite)
        cpu = sum(run.cpu for run in self.ended)
        every = [run.counts for run in self.ended if run.step.is_suite]
        numbers = "".join(
            f"{sum(getattr(counts, name) for counts in every):{width}}"
            for name, width in (("passed", 8), ("failed", 8), ("skipped", 9))
        )
        print(f"{'all':34}{numbers}{time.monotonic() - self.began:9.0f}{cpu:8.0f}  ({builds:.0f} s of it to build)")


def select(patterns: list[str]) -> list[Step]:
    """The suites with these names and the builds that they need; without names everything."""
    chosen = [
        step for step in suites() if not patterns or any(fnmatch.fnmatch(step.name, pattern) for pattern in patterns)
    ]
    if not chosen:
        raise SystemExit(f"no suite is named {' or '.join(patterns)}: tests/run.py --list shows the names")
    needed: set[str] = {name for step in chosen for name in step.needs}
    for build in reversed(BUILDS):
        if build.name in needed:
            needed.update(build.needs)
    return [step for step in BUILDS if step.name in needed] + chosen


def main(words: list[str]) -> int:
    if words == ["--list"]:
        print("\n".join(step.name for step in suites()))
        return 0
    if any(word.startswith("-") for word in words):
        print(__doc__, file=sys.stderr)
        return 2
    LOGS.mkdir(parents=True, exist_ok=True)
    for log in LOGS.glob("*.log"):
        log.unlink()
    schedule = Schedule(select(words))
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        schedule.run()
    except KeyboardInterrupt:
        schedule.stop()
        print("interrupted", file=sys.stderr)
        return 130
    schedule.print_failures()
    schedule.print_table()
    return 0 if schedule.succeeded() else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
