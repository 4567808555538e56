"""The threads on which a `Server` runs handlers."""

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

#: So many threads are started as soon as a job finds none that is idle.
_AT_ONCE = 32
#: Beyond them, one is started when the oldest job has waited for so long, in seconds.
_PATIENCE_S = 0.01
#: An idle thread ends after so many seconds.
_IDLE_S = 10.0
#: When no thread can be added, this is reported once a job has waited for so long, and then once in each interval.
REPORT_AFTER_S = 1.0
REPORT_EVERY_S = 10.0


class Pool:
    """Runs jobs in the order in which they came, on threads that are added while jobs wait, up to a bound.

    The threads are daemons: a handler that does not return does not keep the program from ending.
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
        """Runs a job soon. False when the pool has been stopped."""
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
        """Takes no more jobs, and drops those that wait."""
        with self._work:
            self._stopped = True
            self._jobs.clear()
            self._work.notify_all()
            self._end.notify_all()

    def wait(self, timeout: float) -> bool:
        """Waits until no job waits or runs. False when that takes longer."""
        with self._rest:
            return self._rest.wait_for(lambda: not self._jobs and self._idle == self._threads, timeout)

    def _add(self) -> bool:
        """Starts a thread; the lock is held."""
        thread = threading.Thread(target=self._run, name=HANDLER, daemon=True)
        self._threads += 1
        try:
            thread.start()
        except RuntimeError:
            # The system gives no more threads, or the program is ending.
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
            # What it refers to is not kept while the thread is idle.
            del job

    def _watch(self) -> None:
        """Sees to it that waiting jobs get threads; the lock is held."""
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
    """Runs what may raise without an end of this thread; it is reported like the end of a thread."""
    try:
        work()
    except BaseException:
        with suppress(BaseException):
            threading.excepthook(threading.ExceptHookArgs((*sys.exc_info(), threading.current_thread())))
