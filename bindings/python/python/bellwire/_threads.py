"""The server for programs with threads: one thread takes the events, others run the handlers."""

from __future__ import annotations

import signal
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from . import exceptions
from ._base import Rooms
from ._dispatch import Answers, Dispatcher, Replies, all_answers, one_answer
from ._sending import Sending

if TYPE_CHECKING:
    from ._handlers import Handler
    from ._native import Ack
    from ._native import Server as Engine

#: Calls of handlers that may wait for a thread; beyond them no more events are taken, and clients are not read.
_WAITING = 4096

Job = Callable[[], None]


class ThreadDispatcher(Dispatcher):
    """Gives handlers to the threads of a pool, or calls them one by one."""

    def __init__(self, server: Server) -> None:
        super().__init__(server)
        self.ended = threading.Event()
        self.thread: threading.Thread | None = None
        self.pool = ThreadPoolExecutor(server.handler_threads, "bellwire-handler")
        self._room = threading.BoundedSemaphore(_WAITING)
        self._waiting: dict[str, deque[Job]] = {}
        self._lock = threading.Lock()

    def begin(self, engine: Engine) -> None:
        """Starts to take events."""
        name = "bellwire-dispatcher"
        self.thread = threading.Thread(target=engine.run_dispatch, name=name, daemon=True)
        self.thread.start()

    def finish(self, engine: Engine) -> None:
        """Ends that, waiting for the handlers that are running."""
        thread = self.thread
        if thread is not None and thread is not threading.current_thread():
            engine.end_dispatch()
            thread.join()
        self.pool.shutdown(wait=False)

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
            except Exception as error:
                result = error
            decided(result)

        self._submit(sid, job)

    def _submit(self, sid: str, job: Job) -> None:
        if self.server.async_handlers:
            self._start(job)
            return
        with self._lock:
            jobs = self._waiting.get(sid)
            if jobs is not None:
                jobs.append(job)
                return
            self._waiting[sid] = deque([job])
        self._start(partial(self._work, sid))

    def _start(self, job: Job) -> None:
        counted = threading.current_thread() is self.thread
        if counted:
            self._room.acquire()

        def release() -> None:
            if counted:
                self._room.release()

        def whole() -> None:
            try:
                job()
            except Exception as error:
                self.fault(error, "a handler")
            finally:
                release()

        try:
            self.pool.submit(whole)
        except RuntimeError:
            # The program is ending, or the server has stopped.
            release()

    def _work(self, sid: str) -> None:
        """Does what waits for one client, in order."""
        while True:
            with self._lock:
                jobs = self._waiting[sid]
                if not jobs:
                    del self._waiting[sid]
                    return
                job = jobs.popleft()
            try:
                job()
            except Exception as error:
                self.fault(error, "a handler")

    def shutdown(self) -> None:
        self.ended.set()


class Server(Sending[None]):
    """A Socket.IO server in a program without asyncio.

    The names and arguments are those of `socketio.Server` of python-socketio. The server listens by itself: `sio.run()`,
    or `sio.listen()`, which returns at once. Handlers run on the threads of a pool, or, with `async_handlers=False`,
    those of one client one by one.
    """

    _sent = None

    def __init__(self, *args: Any, handler_threads: int = 32, **kwargs: Any) -> None:
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
            dispatcher = ThreadDispatcher(self)
            dispatcher.begin(self._start(dispatcher))
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
        asked = threading.Event()
        before: dict[int, Any] = {}
        number: int
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                before[number] = signal.signal(number, lambda *_: asked.set())
        ended = self._thread_dispatcher.ended
        try:
            if on_listening is not None:
                on_listening(bound)
            # Python handles signals between two waits.
            while not asked.wait(0.1) and not ended.is_set():
                pass
            self.shutdown()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def shutdown(self, timeout: float = 5) -> None:
        """Disconnects all clients and stops. Those that do not go within `timeout` seconds are cut off."""
        engine = self._engine
        if engine is None:
            return
        dispatcher = self._thread_dispatcher
        engine.close(round(timeout * 1000))
        if threading.current_thread() is not dispatcher.thread:
            dispatcher.ended.wait()
            dispatcher.finish(engine)
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
        ended = native and self._await(partial(native.ask, event, data, to, timeout_ms))
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
        ended = self._await(partial(native.ask_all, event, data, to, skip_sid, timeout_ms))
        return [] if ended is None else all_answers(*ended, timeout)

    def _await(self, ask: Callable[[int], bool]) -> tuple[str, Replies] | None:
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
