"""The server for programs without asyncio: one thread takes the events, and a pool of threads runs the handlers."""

from __future__ import annotations

import signal
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from . import exceptions
from ._base import Rooms
from ._dispatch import Answers, Dispatcher, Replies, all_answers, one_answer
from ._errors import NOT_STARTED, not_connected, unknown_namespace
from ._missing import refuse_green_threads
from ._pool import HANDLER, Job, Pool
from ._sending import Sending

if TYPE_CHECKING:
    from ._handlers import Handler
    from ._native import Ack
    from ._native import Server as Engine

#: The most handler calls that are queued for a thread. Beyond it no events are taken, and clients are not read.
_WAITING = 4096
#: The same limit while a thread waits for the answer of a client, which may arrive behind such events.
_WAITING_WHILE_ASKED = 16 * _WAITING
#: `call` ends at most this many seconds after its timeout, even if no events are taken.
_LATE_S = 5.0
#: The deadline in seconds that `run` gives clients and handlers when it ends.
_GRACE_S = 5.0
#: How long after its deadline the engine may need to report its end, in seconds, if no handler blocks.
_SLACK_S = 1.0
#: The default of `handler_threads`.
_HANDLER_THREADS = 1000


class ThreadDispatcher(Dispatcher):
    """Runs handlers on a thread pool; with `async_handlers=False`, at most one at a time for each client."""

    def __init__(self, server: Server) -> None:
        super().__init__(server)
        self.ended = threading.Event()
        self.thread: threading.Thread | None = None
        self.pool = Pool(server.handler_threads, self._busy)
        self._room = threading.Condition()
        self._taken = 0
        self._asking = 0
        self._stopped = False
        self._waiting: dict[str, deque[Job]] = {}
        self._lock = threading.Lock()

    def begin(self, engine: Engine) -> None:
        """Starts the thread that takes events."""
        name = "bellwire-dispatcher"
        self.thread = threading.Thread(target=engine.run_dispatch, name=name, daemon=True)
        self.thread.start()

    def finish(self, engine: Engine) -> None:
        """Ends the thread that takes events, and the pool. Running handlers continue."""
        with self._room:
            self._stopped = True
            self._room.notify_all()
        thread = self.thread
        if thread is not None and thread is not threading.current_thread():
            engine.end_dispatch()
            # With a timeout, because a watcher on that thread may not return.
            thread.join(_SLACK_S)
        self.pool.stop()
        self.end_operations()

    def _busy(self, threads: int, waiting: int, age: float) -> None:
        self.server.logger.warning(
            "all %d handler threads are busy: %d events are queued, the oldest for %.1f s; if handlers block for long,"
            " raise handler_threads",
            threads,
            waiting,
            age,
        )

    def run(self, handler: Handler, args: Any, ack: Ack | None, name: str, sid: str) -> None:
        self._submit(sid, partial(self._complete, handler, args, ack, name))

    def _complete(self, handler: Handler, args: Any, ack: Ack | None, name: str) -> None:
        try:
            result = handler(*args)
            if ack is not None:
                ack.send(result)
        except Exception as error:
            self.fault(error, name)

    def decide(self, handler: Handler, args: Any, decided: Callable[[Any], None], sid: str) -> None:
        def job() -> None:
            try:
                result = handler(*args)
            except BaseException as error:
                result = error
            decided(result)

        self._submit(sid, job)

    def _submit(self, sid: str, job: Job) -> None:
        job = self._counted(job)
        if self.server.async_handlers:
            self.pool.submit(job)
            return
        with self._lock:
            jobs = self._waiting.get(sid)
            if jobs is not None:
                jobs.append(job)
                return
            self._waiting[sid] = deque([job])
        self.pool.submit(partial(self._work, sid))

    def _counted(self, job: Job) -> Job:
        """Returns a job that reports exceptions. Blocks the thread that takes events while too many jobs are queued."""
        counted = threading.current_thread() is self.thread
        if counted:
            with self._room:
                self._room.wait_for(self._has_room)
                self._taken += 1

        def whole() -> None:
            try:
                job()
            except BaseException as error:
                self.fault(error, "a handler")
            finally:
                if counted:
                    with self._room:
                        self._taken -= 1
                        self._room.notify()

        return whole

    def _work(self, sid: str) -> None:
        """Runs the queued jobs of one client in order."""
        while True:
            with self._lock:
                jobs = self._waiting[sid]
                if not jobs:
                    del self._waiting[sid]
                    return
                job = jobs.popleft()
            job()

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Raises the limit of queued jobs while a thread waits for an answer, which may arrive behind other events."""
        with self._room:
            self._asking += 1
            self._room.notify()
        try:
            yield
        finally:
            with self._room:
                self._asking -= 1

    def _has_room(self) -> bool:
        return self._stopped or self._taken < (_WAITING_WHILE_ASKED if self._asking else _WAITING)

    def shutdown(self) -> None:
        self.end_operations()
        self.ended.set()


class Server(Sending[None]):
    """A Socket.IO server for programs without asyncio.

    The methods and arguments are those of `socketio.Server` of python-socketio, except that the server has its own
    listener: start it with `sio.run()`, or with `sio.listen()`, which returns at once. Handlers run on a thread pool
    that grows up to `handler_threads` threads while events wait. With `async_handlers=False`, the handlers of one
    client run one at a time.
    """

    _sent = None

    def __init__(self, *args: Any, handler_threads: int = _HANDLER_THREADS, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.handler_threads = handler_threads

    def is_asyncio_based(self) -> bool:
        """Returns `False`."""
        return False

    # --------------------------------------------------------- start and stop

    def listen(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Starts to listen on TCP, on background threads, and returns the port.

        Port 0 lets the system choose a free port.
        """
        return self._attach().listen_tcp(host, port)

    def listen_unix(self, path: str, mode: int = 0) -> None:
        """Starts to listen on a Unix socket. `mode` is its file mode; 0 leaves it to the process's umask."""
        self._attach().listen_unix(path, mode)

    def listen_socket(self, listener: socket.socket) -> None:
        """Starts to listen on a duplicate of a listening socket. The caller keeps `listener` and may close it."""
        self._attach().listen_fd(listener.dup().detach())

    def _attach(self) -> Engine:
        if self._engine is None:
            refuse_green_threads()
            dispatcher = ThreadDispatcher(self)
            self._start(dispatcher, dispatcher.begin)
        return self._running()

    @property
    def _thread_dispatcher(self) -> ThreadDispatcher:
        if self._dispatcher is None:
            raise RuntimeError(NOT_STARTED)
        return cast(ThreadDispatcher, self._dispatcher)

    def run(
        self,
        host: str = "127.0.0.1",
        port: int = 5000,
        *,
        on_listening: Callable[[int], object] | None = None,
    ) -> None:
        """Listens and serves until SIGINT (Ctrl-C), SIGTERM or `shutdown`.

        `on_listening` is called with the port once the server listens. A second signal disconnects the clients at once.
        """
        bound = self.listen(host, port)
        asked: list[int] = []
        before: dict[int, Any] = {}
        number: int
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                before[number] = signal.signal(number, lambda number, _: asked.append(number))
        ended = self._thread_dispatcher.ended
        try:
            if on_listening is not None:
                on_listening(bound)
            # The wait is short because Python runs signal handlers between two calls.
            while not asked and not ended.wait(0.1):
                pass
            # A second signal forces an immediate shutdown.
            self._stop(_GRACE_S, lambda: len(asked) > 1)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def shutdown(self, timeout: float = 5) -> None:
        """Disconnects all clients and stops.

        Connections that remain after `timeout` seconds are dropped. Handlers that still run then continue on their
        threads.
        """
        self._stop(timeout, lambda: False)

    def _stop(self, timeout: float, hurried: Callable[[], bool]) -> None:
        engine = self._engine
        if engine is None:
            return
        dispatcher = self._thread_dispatcher
        engine.close(round(timeout * 1000))
        if threading.current_thread() is dispatcher.thread:
            return
        deadline = time.monotonic() + timeout

        def wait(until: Callable[[float], bool], slack: float = 0) -> None:
            while not hurried() and not until(0.05) and time.monotonic() < deadline + slack:
                pass

        wait(dispatcher.ended.wait, _SLACK_S)
        # Waits for running handlers, unless this thread runs one of them.
        if not threading.current_thread().name.startswith(HANDLER):
            wait(dispatcher.pool.wait)
        dispatcher.finish(engine)
        if self._engine is engine:
            self._engine = None
            self._natives = {}
            engine.stop()

    # ----------------------------------------------------------------- sending

    def call(
        self,
        event: str,
        data: Any = None,
        to: str | None = None,
        sid: str | None = None,
        namespace: str | None = None,
        timeout: float | None = 60,
        ignore_queue: bool = False,
    ) -> Any:
        """Like `AsyncServer.call`, but blocks the calling thread."""
        to = to if to is not None else sid
        if to is None:
            raise ValueError("Cannot use call() to broadcast.")
        if not self.async_handlers:
            raise RuntimeError("Cannot use call() when async_handlers is False.")
        native = self._native(namespace)
        timeout_ms = None if not timeout else max(1, round(timeout * 1000))
        ended = None
        # The truth value would not do: a namespace without members is false, but a client may be joining it.
        if native is not None:
            ended = self._await(partial(native.ask, event, data, to, timeout_ms), timeout_ms)
        if ended is None:
            raise exceptions.ClientGoneError(not_connected(to, namespace))
        return one_answer(*ended, timeout)

    def call_all(
        self,
        event: str,
        data: Any = None,
        to: Rooms = None,
        skip_sid: Rooms = None,
        namespace: str | None = None,
        timeout: float = 60,
    ) -> Answers:
        """Like `AsyncServer.call_all`, but blocks the calling thread."""
        native = self._native(namespace)
        if native is None:
            raise exceptions.BadNamespaceError(unknown_namespace(namespace))
        timeout_ms = max(1, round(timeout * 1000))
        ask = partial(native.ask_all, event, data, to, skip_sid, timeout_ms)
        ended = self._await(ask, timeout_ms)
        return [] if ended is None else all_answers(*ended, timeout)

    def _await(self, ask: Callable[[int], bool], timeout_ms: int | None) -> tuple[str, Replies] | None:
        """Returns the outcome and the answers, or `None` without a receiver."""
        dispatcher = self._thread_dispatcher
        if threading.current_thread() is dispatcher.thread:
            raise RuntimeError(
                "call() and call_all() cannot be used in a watcher: it runs on the thread that takes the answers"
            )
        arrived = threading.Event()
        result: list[tuple[str, Replies]] = []

        def done(outcome: str, replies: Replies) -> None:
            result.append((outcome, replies))
            arrived.set()

        operation = dispatcher.expect(done)
        try:
            if not ask(operation):
                return None
            dispatcher.asked(operation)
            longest = None if timeout_ms is None else min(timeout_ms / 1000 + _LATE_S, threading.TIMEOUT_MAX)
            with dispatcher.asking():
                if not arrived.wait(longest):
                    # The thread that takes events is blocked. If it reports the end just now, that outcome counts.
                    dispatcher.acked(operation, "timeout", [])
                    arrived.wait()
        finally:
            dispatcher.forget(operation)
        return result[0]

    # ----------------------------------------------------------------- clients

    def get_session(self, sid: str, namespace: str | None = None) -> dict[str, Any]:
        """Returns the session of a client: the dictionary that was saved last, or an empty one."""
        return self._get_session(sid, namespace)

    def save_session(self, sid: str, session: dict[str, Any], namespace: str | None = None) -> None:
        """Replaces the session of a client. It is kept until the client disconnects."""
        self._save_session(sid, session, namespace)

    def session(self, sid: str, namespace: str | None = None) -> AbstractContextManager[dict[str, Any]]:
        """A context manager: `with sio.session(sid) as session:` saves the session at the end of the block."""
        return self._session(sid, namespace)

    @contextmanager
    def _session(self, sid: str, namespace: str | None) -> Iterator[dict[str, Any]]:
        session = self._get_session(sid, namespace)
        yield session
        self._save_session(sid, session, namespace)

    # ------------------------------------------------------------------- tasks

    def start_background_task(self, target: Callable[..., Any], *args: Any, **kwargs: Any) -> threading.Thread:
        """Runs a function on a new daemon thread."""
        thread = threading.Thread(target=target, args=args, kwargs=kwargs, daemon=True)
        thread.start()
        return thread

    def sleep(self, seconds: float = 0) -> None:
        """Waits like `time.sleep`."""
        time.sleep(seconds)
