"""The thread pool on which a `Server` runs handlers."""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial

Job = Callable[[], None]

#: The name of the threads.
HANDLER = "bellwire-handler"

#: Up to this many threads, a thread is started whenever a job finds no idle thread.
_AT_ONCE = 32
#: Beyond that, a thread is started when the oldest job has waited for this many seconds.
_PATIENCE_S = 0.01
#: An idle thread ends after this many seconds.
_IDLE_S = 10.0
#: If no thread can be added, a report is made after a job has waited for the first time, and then at this interval.
REPORT_AFTER_S = 1.0
REPORT_EVERY_S = 10.0


class Pool:
    """Runs jobs in the order in which they were submitted. Threads are added while jobs wait, up to `most`.

    The threads are daemon threads, so that a handler that does not return cannot keep the program from ending.
    `report` is called with the number of threads, the number of waiting jobs and the age of the oldest in seconds.
    """

    def __init__(self, most: int, report: Callable[[int, int, float], None]) -> None:
        self._most = max(1, most)
        self._report = report
        self._jobs: deque[tuple[float, Job]] = deque()
        self._threads = 0
        self._idle = 0
        self._stopped = False
        self._watched = False
        lock = threading.Lock()
        self._work = threading.Condition(lock)
        self._rest = threading.Condition(lock)
        self._end = threading.Condition(lock)

    def submit(self, job: Job) -> bool:
        """Queues a job. Returns `False` if the pool has been stopped."""
        with self._work:
            if self._stopped:
                return False
            self._jobs.append((time.monotonic(), job))
            if self._idle >= len(self._jobs):
                self._work.notify()
            elif self._threads >= min(_AT_ONCE, self._most) or not self._add():
                self._watch()
        return True

    def stop(self) -> None:
        """Rejects later jobs and drops the queued ones. Running jobs continue."""
        with self._work:
            self._stopped = True
            self._jobs.clear()
            self._work.notify_all()
            self._end.notify_all()

    def wait(self, timeout: float) -> bool:
        """Waits until no job is queued or running. Returns `False` after `timeout` seconds."""
        with self._rest:
            return self._rest.wait_for(lambda: not self._jobs and self._idle == self._threads, timeout)

    def _add(self) -> bool:
        """Starts a thread. The caller holds the lock."""
        thread = threading.Thread(target=self._run, name=HANDLER, daemon=True)
        self._threads += 1
        try:
            thread.start()
        except RuntimeError:
            # The system's limit of threads was reached, or the interpreter is shutting down.
            self._threads -= 1
            return False
        return True

    def _run(self) -> None:
        while True:
            with self._work:
                self._idle += 1
                if not self._jobs:
                    self._rest.notify_all()
                    self._work.wait_for(lambda: self._jobs or self._stopped, _IDLE_S)
                self._idle -= 1
                if not self._jobs:
                    self._threads -= 1
                    self._rest.notify_all()
                    return
                _, job = self._jobs.popleft()
            _guarded(job)
            # An idle thread must not keep the objects of its last job alive.
            del job

    def _watch(self) -> None:
        """Starts the thread that adds threads for waiting jobs, unless it runs. The caller holds the lock."""
        if not self._watched:
            self._watched = True
            try:
                threading.Thread(target=self._add_while_jobs_wait, name="bellwire-pool", daemon=True).start()
            except RuntimeError:
                self._watched = False

    def _add_while_jobs_wait(self) -> None:
        silent_until = 0.0
        while True:
            with self._end:
                self._end.wait(_PATIENCE_S)
                if self._stopped or not self._jobs:
                    self._watched = False
                    return
                now = time.monotonic()
                age = now - self._jobs[0][0]
                if age < _PATIENCE_S or (self._threads < self._most and self._add()):
                    continue
                threads, waiting = self._threads, len(self._jobs)
            if age >= REPORT_AFTER_S and now >= silent_until:
                silent_until = now + REPORT_EVERY_S
                _guarded(partial(self._report, threads, waiting, age))


def _guarded(work: Callable[[], object]) -> None:
    """Calls `work` and reports exceptions to `threading.excepthook`, so that they do not end this thread."""
    try:
        work()
    except BaseException:
        with suppress(BaseException):
            threading.excepthook(threading.ExceptHookArgs((*sys.exc_info(), threading.current_thread())))
