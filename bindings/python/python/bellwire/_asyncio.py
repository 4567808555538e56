"""The server for asyncio."""

from __future__ import annotations

import asyncio
import signal
import socket
import threading
from collections.abc import Callable, Coroutine, Generator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Any, cast

from . import exceptions
from ._async_dispatch import AsyncDispatcher
from ._base import Rooms
from ._dispatch import Answers, Replies, all_answers, one_answer
from ._errors import NOT_STARTED, not_connected, unknown_namespace
from ._sending import Sending

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ._native import Server


class Done(Coroutine[Any, Any, None]):
    """An awaitable that is complete. It can be awaited any number of times; no warning is given if it never is."""

    __slots__ = ()

    def __await__(self) -> Generator[Any, Any, None]:
        return
        yield

    def send(self, value: Any, /) -> Any:
        raise StopIteration

    def throw(self, kind: Any, value: Any = None, trace: Any = None, /) -> Any:
        raise kind if value is None else value

    def close(self) -> None:
        pass


DONE = Done()


class AsyncServer(Sending[Done]):
    """A Socket.IO server for asyncio programs.

    The methods and arguments are those of `socketio.AsyncServer` of python-socketio, except that the server has its own
    listener: start it with `sio.run()`, `await sio.serve()`, or, in a running loop, `sio.listen()`.

    Methods that send, and those that change rooms, take effect when they are called, and may be called from any thread.
    Their results can be awaited, for compatibility with python-socketio, but need not be.
    """

    _sent = DONE

    def is_asyncio_based(self) -> bool:
        """Returns `True`."""
        return True

    def _calls_directly(self) -> bool:
        return self.async_handlers and not self._log.logs_events

    # --------------------------------------------------------- start and stop

    def listen(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Starts to listen on TCP and returns the port. Handlers run on the current event loop.

        Port 0 lets the system choose a free port.
        """
        return self._attach().listen_tcp(host, port)

    def listen_unix(self, path: str, mode: int = 0) -> None:
        """Starts to listen on a Unix socket. `mode` is its file mode; 0 leaves it to the process's umask."""
        self._attach().listen_unix(path, mode)

    def listen_socket(self, listener: socket.socket) -> None:
        """Starts to listen on a duplicate of a listening socket. The caller keeps `listener` and may close it."""
        self._attach().listen_fd(listener.dup().detach())

    def _attach(self) -> Server:
        engine = self._engine
        if engine is not None and self._async_dispatcher.loop.is_closed():
            # The loop was closed without `shutdown`, so nothing takes this engine's events.
            self._forget(engine)
        if self._engine is None:
            loop = asyncio.get_running_loop()
            self._start(
                AsyncDispatcher(self, loop),
                lambda engine: loop.add_reader(engine.fileno(), engine.drain),
            )
        self._check_loop()
        return self._running()

    def _check_loop(self) -> AsyncDispatcher:
        """Returns the dispatcher. Raises `RuntimeError` if another loop than the dispatcher's is running."""
        dispatcher = self._async_dispatcher
        # No loop is running in a forked child; there the engine raises the error.
        if asyncio._get_running_loop() not in (None, dispatcher.loop):
            raise RuntimeError(
                "the server was started on another event loop: call it on that loop, or create one server for each loop"
            )
        return dispatcher

    def _forget(self, engine: Server) -> None:
        dispatcher = self._async_dispatcher
        self._engine = None
        self._natives = {}
        engine.stop()
        dispatcher.end_operations()

    @property
    def _async_dispatcher(self) -> AsyncDispatcher:
        if self._dispatcher is None:
            raise RuntimeError(NOT_STARTED)
        return cast(AsyncDispatcher, self._dispatcher)

    async def serve(self, host: str = "127.0.0.1", port: int = 5000) -> None:
        """Listens and returns after `shutdown`. If the call is cancelled, the server shuts down."""
        if self._engine is None or self._async_dispatcher.loop.is_closed():
            self.listen(host, port)
        dispatcher = self._check_loop()
        try:
            await dispatcher.ended.wait()
        finally:
            await self.shutdown()

    def run(
        self,
        host: str = "127.0.0.1",
        port: int = 5000,
        *,
        on_listening: Callable[[int], object] | None = None,
    ) -> None:
        """Runs a new event loop and serves until SIGINT (Ctrl-C), SIGTERM or `shutdown`.

        `on_listening` is called with the port once the server listens. A second signal disconnects the clients at once.
        """
        asyncio.run(self._main(host, port, on_listening))

    async def _main(self, host: str, port: int, on_listening: Callable[[int], object] | None) -> None:
        loop = asyncio.get_running_loop()
        stopping: list[asyncio.Task[None]] = []

        def stop() -> None:
            # A second signal forces an immediate shutdown.
            stopping.append(loop.create_task(self.shutdown(0 if stopping else 5)))

        # Only the main thread can handle signals. On another thread, `shutdown` is the way to end `run`.
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, stop)
        bound = self.listen(host, port)
        if on_listening is not None:
            on_listening(bound)
        await self.serve()
        await asyncio.gather(*stopping)

    async def shutdown(self, timeout: float = 5) -> None:
        """Disconnects all clients and stops. Connections that remain after `timeout` seconds are dropped."""
        engine = self._engine
        if engine is None:
            return
        if self._async_dispatcher.loop.is_closed():
            self._forget(engine)
            return
        dispatcher = self._check_loop()
        if not dispatcher.ended.is_set():
            engine.close(round(timeout * 1000))
            await dispatcher.ended.wait()
        if self._engine is engine:
            dispatcher.loop.remove_reader(engine.fileno())
            self._forget(engine)

    # ----------------------------------------------------------------- sending

    async def call(
        self,
        event: str,
        data: Any = None,
        to: str | None = None,
        sid: str | None = None,
        namespace: str | None = None,
        timeout: float | None = 60,
        ignore_queue: bool = False,
    ) -> Any:
        """Sends an event to a client, waits for its acknowledgement and returns the arguments of it.

        Returns `None` for no argument, the value for one argument, and a tuple for several.

        Raises:
            TimeoutError: The client did not answer within `timeout` seconds (`None` or 0: no limit).
            ClientGoneError: The client is not connected, or disconnected before it answered. A `TimeoutError`.
            TooManyAcksError: The client has `maxPendingAcks` unanswered acknowledgements. A `TimeoutError`.
            BadAnswerError: The answer is JSON that Python cannot represent.
        """
        to = to if to is not None else sid
        if to is None:
            raise ValueError("Cannot use call() to broadcast.")
        if not self.async_handlers:
            raise RuntimeError("Cannot use call() when async_handlers is False.")
        dispatcher = self._check_loop()
        native = self._native(namespace)
        timeout_ms = None if not timeout else max(1, round(timeout * 1000))
        future, operation = self._future(dispatcher)
        try:
            if native is None or not native.ask(event, data, to, timeout_ms, operation):
                raise exceptions.ClientGoneError(not_connected(to, namespace))
            dispatcher.asked(operation)
            outcome, replies = await future
        finally:
            dispatcher.forget(operation)
        return one_answer(outcome, replies, timeout)

    async def call_all(
        self,
        event: str,
        data: Any = None,
        to: Rooms = None,
        skip_sid: Rooms = None,
        namespace: str | None = None,
        timeout: float = 60,
    ) -> Answers:
        """Sends an event to several clients and waits for the acknowledgements of all of them.

        Returns a list of `(sid, arguments)` in the order in which the answers arrived.

        Raises:
            TimeoutError: At least one client did not answer within `timeout` seconds. The attribute `answers` has the
                answers that arrived.
            BadAnswerError: At least one answer is JSON that Python cannot represent; `answers` has the others.
            TooManyAcksError: A client has `maxPendingAcks` unanswered acknowledgements; `answers` has the others.
        """
        dispatcher = self._check_loop()
        native = self._native(namespace)
        if native is None:
            raise exceptions.BadNamespaceError(unknown_namespace(namespace))
        timeout_ms = max(1, round(timeout * 1000))
        future, operation = self._future(dispatcher)
        try:
            if not native.ask_all(event, data, to, skip_sid, timeout_ms, operation):
                return []
            dispatcher.asked(operation)
            outcome, replies = await future
        finally:
            dispatcher.forget(operation)
        return all_answers(outcome, replies, timeout)

    def _future(self, dispatcher: AsyncDispatcher) -> tuple[asyncio.Future[tuple[str, Replies]], int]:
        future: asyncio.Future[tuple[str, Replies]] = dispatcher.loop.create_future()

        def done(outcome: str, replies: Replies) -> None:
            # A loop that was closed without `shutdown` does not run callbacks.
            if not future.done() and not dispatcher.loop.is_closed():
                future.set_result((outcome, replies))

        return future, dispatcher.expect(done)

    # ----------------------------------------------------------------- clients

    async def get_session(self, sid: str, namespace: str | None = None) -> dict[str, Any]:
        """Returns the session of a client: the dictionary that was saved last, or an empty one."""
        return self._get_session(sid, namespace)

    async def save_session(self, sid: str, session: dict[str, Any], namespace: str | None = None) -> None:
        """Replaces the session of a client. It is kept until the client disconnects."""
        self._save_session(sid, session, namespace)

    def session(self, sid: str, namespace: str | None = None) -> AbstractAsyncContextManager[dict[str, Any]]:
        """A context manager: `async with sio.session(sid) as session:` saves the session at the end of the block."""
        return self._session(sid, namespace)

    @asynccontextmanager
    async def _session(self, sid: str, namespace: str | None) -> AsyncIterator[dict[str, Any]]:
        session = self._get_session(sid, namespace)
        yield session
        self._save_session(sid, session, namespace)

    # ------------------------------------------------------------------- tasks

    def start_background_task(self, target: Callable[..., Any], *args: Any, **kwargs: Any) -> asyncio.Task[Any]:
        """Runs a coroutine function as a task."""
        return asyncio.ensure_future(target(*args, **kwargs))

    async def sleep(self, seconds: float = 0) -> None:
        """Waits like `asyncio.sleep`."""
        await asyncio.sleep(seconds)
