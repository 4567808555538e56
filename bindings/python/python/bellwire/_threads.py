"""The server for programs with threads: one thread takes the events, others run the handlers."""

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
from ._missing import refuse_green_threads
from ._pool import HANDLER, Job, Pool
from ._sending import Sending

if TYPE_CHECKING:
    from ._handlers import Handler
    from ._native import Ack
    from ._native import Server as Engine

#: Calls of handlers that may wait for a thread; beyond them no more events are taken, and clients are not read.
_WAITING = 4096
#: The same while a thread waits for an answer of a client, which may come behind such events.
_WAITING_WHILE_ASKED = 16 * _WAITING
#: `call` ends so soon after its timeout even if no thread takes events, in seconds.
_LATE_S = 5.0
#: What `run` grants clients and handlers when it is to end, in seconds.
_GRACE_S = 5.0
#: An engine without a handler in its way tells its end so soon after the deadline, in seconds.
_SLACK_S = 1.0
#: Threads for handlers, at most, unless the program says otherwise.
_HANDLER_THREADS = 1000


class ThreadDispatcher(Dispatcher):
    """Gives handlers to the threads of a pool, or those of one client one by one."""

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
        """Starts to take events."""
        name = "bellwire-dispatcher"
        self.thread = threading.Thread(target=engine.run_dispatch, name=name, daemon=True)
        self.thread.start()

    def finish(self, engine: Engine) -> None:
        """Ends that. Handlers that run go on."""
        with self._room:
            self._stopped = True
            self._room.notify_all()
        thread = self.thread
        if thread is not None and thread is not threading.current_thread():
            engine.end_dispatch()
            # It may be in a watcher that does not return.
            thread.join(_SLACK_S)
        self.pool.stop()
        self.end_operations()

    def _busy(self, threads: int, waiting: int, age: float) -> None:
        self.server.logger.warning(
            "all %d handler threads are busy: %d events wait, the oldest for %.1f s; handlers that wait long need a"
            " greater handler_threads",
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
        """The same job with its faults reported. The thread that takes events waits here while too many jobs wait."""
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
        """Does what waits for one client, in order."""
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
        """The thread waits for clients, whose answers may be behind the events that have not been taken yet."""
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
    """A Socket.IO server in a program without asyncio.

    The names and arguments are those of `socketio.Server` of python-socketio. The server listens by itself: `sio.run()`,
    or `sio.listen()`, which returns at once. Handlers run on the threads of a pool, which grows while
    events wait, up to `handler_threads`; with `async_handlers=False`, those of one client run one by one.
    """

    _sent = None

    def __init__(self, *args: Any, handler_threads: int = _HANDLER_THREADS, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.handler_threads = handler_threads

    def is_asyncio_based(self) -> bool:
        """No."""
        return False

    # ---------------------------------------------------------------- its life

    def listen(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Listens, on threads of its own. The port."""
        return self._attach().listen_tcp(host, port)

    def listen_unix(self, path: str, mode: int = 0) -> None:
        """The same on a Unix socket."""
        self._attach().listen_unix(path, mode)

    def listen_socket(self, listener: socket.socket) -> None:
        """The same on a socket that listens already; it stays the caller's too."""
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
            raise RuntimeError("the server has not been started")
        return cast(ThreadDispatcher, self._dispatcher)

    def run(
        self,
        host: str = "127.0.0.1",
        port: int = 5000,
        *,
        on_listening: Callable[[int], object] | None = None,
    ) -> None:
        """A whole program: serves until Ctrl-C or SIGTERM, or `shutdown`. `on_listening` is called with the port."""
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
            # Python handles signals between two waits.
            while not asked and not ended.wait(0.1):
                pass
            # A second signal means: at once.
            self._stop(_GRACE_S, lambda: len(asked) > 1)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def shutdown(self, timeout: float = 5) -> None:
        """Disconnects all clients and stops.

        Clients that do not go within `timeout` seconds are cut off; handlers that do not end until then are left alone.
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
        # The handlers of a client's last events, too, may end; one that calls this cannot.
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
        """See `AsyncServer.call`. Waits."""
        to = to if to is not None else sid
        if to is None:
            raise ValueError("Cannot use call() to broadcast.")
        if not self.async_handlers:
            raise RuntimeError("Cannot use call() when async_handlers is False.")
        native = self._native(namespace)
        timeout_ms = None if not timeout else max(1, round(timeout * 1000))
        ended = native and self._await(partial(native.ask, event, data, to, timeout_ms), timeout_ms)
        if not ended:
            raise exceptions.ClientGoneError("there is no such client")
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
        """See `AsyncServer.call_all`. Waits."""
        native = self._native(namespace)
        if native is None:
            raise exceptions.BadNamespaceError(f"{namespace} is not a namespace of this server")
        timeout_ms = max(1, round(timeout * 1000))
        ask = partial(native.ask_all, event, data, to, skip_sid, timeout_ms)
        ended = self._await(ask, timeout_ms)
        return [] if ended is None else all_answers(*ended, timeout)

    def _await(
        self, ask: Callable[[int], bool], timeout_ms: int | None
    ) -> tuple[str, Replies] | None:
        """How it ended, and the answers; `None` when there was nobody to ask."""
        dispatcher = self._thread_dispatcher
        if threading.current_thread() is dispatcher.thread:
            raise RuntimeError("waiting here would keep the answer from being taken")
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
                    # The thread that takes events is held up. If it tells the end at this moment, that counts.
                    dispatcher.acked(operation, "timeout", [])
                    arrived.wait()
        finally:
            dispatcher.forget(operation)
        return result[0]

    # ----------------------------------------------------------------- clients

    def get_session(self, sid: str, namespace: str | None = None) -> dict[str, Any]:
        """What was saved for a client; a dictionary, empty at first."""
        return self._get_session(sid, namespace)

    def save_session(self, sid: str, session: dict[str, Any], namespace: str | None = None) -> None:
        """Saves something for a client, until it leaves."""
        self._save_session(sid, session, namespace)

    def session(
        self, sid: str, namespace: str | None = None
    ) -> AbstractContextManager[dict[str, Any]]:
        """`with sio.session(sid) as session:` saves the session at the end of the block."""
        return self._session(sid, namespace)

    @contextmanager
    def _session(self, sid: str, namespace: str | None) -> Iterator[dict[str, Any]]:
        session = self._get_session(sid, namespace)
        yield session
        self._save_session(sid, session, namespace)

    # ------------------------------------------------------------------- tasks

    def start_background_task(
        self, target: Callable[..., Any], *args: Any, **kwargs: Any
    ) -> threading.Thread:
        """Runs a function on a thread of its own."""
        thread = threading.Thread(target=target, args=args, kwargs=kwargs, daemon=True)
        thread.start()
        return thread

    def sleep(self, seconds: float = 0) -> None:
        """The same as `time.sleep`."""
        time.sleep(seconds)
