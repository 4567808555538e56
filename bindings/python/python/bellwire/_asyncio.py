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
from ._sending import Sending

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ._native import Server


class Done(Coroutine[Any, Any, None]):
    """Something that is done already. It can be awaited any number of times, or be forgotten."""

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
    """A Socket.IO server in an asyncio program.

    The names and arguments are those of `socketio.AsyncServer` of python-socketio. The server listens by itself:
    `sio.run()`, or `await sio.serve()`, or `sio.listen()` in a loop that runs already.

    What python-socketio makes a coroutine here is done at once, when it is called, and can be awaited: an `emit` whose
    `await` was forgotten is sent all the same. `emit` and the like may be called from any thread.
    """

    _sent = DONE

    def is_asyncio_based(self) -> bool:
        """Yes."""
        return True

    def _calls_directly(self) -> bool:
        return self.async_handlers and not self._log.speaks

    # ---------------------------------------------------------------- its life

    def listen(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Listens, and takes events on the running loop from now on. The port."""
        return self._attach().listen_tcp(host, port)

    def listen_unix(self, path: str, mode: int = 0) -> None:
        """The same on a Unix socket."""
        self._attach().listen_unix(path, mode)

    def listen_socket(self, listener: socket.socket) -> None:
        """The same on a socket that listens already; it stays the caller's too."""
        self._attach().listen_fd(listener.dup().detach())

    def _attach(self) -> Server:
        engine = self._engine
        if engine is not None and self._async_dispatcher.loop.is_closed():
            # The loop has ended without `shutdown`: nothing takes events there any more.
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
        """The dispatcher, if the running loop is the one that it belongs to."""
        dispatcher = self._async_dispatcher
        # Without a running loop it may be a forked child, which is told so by the engine.
        if asyncio._get_running_loop() not in (None, dispatcher.loop):
            raise RuntimeError(
                "this server takes its events on another event loop, the one on which it was started:"
                " call it there, or make a server for each loop"
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
            raise RuntimeError("the server has not been started")
        return cast(AsyncDispatcher, self._dispatcher)

    async def serve(self, host: str = "127.0.0.1", port: int = 5000) -> None:
        """Listens until `shutdown`. When it is cancelled, it shuts down."""
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
        """A whole program: serves until Ctrl-C or SIGTERM. `on_listening` is called with the port."""
        asyncio.run(self._main(host, port, on_listening))

    async def _main(
        self, host: str, port: int, on_listening: Callable[[int], object] | None
    ) -> None:
        loop = asyncio.get_running_loop()
        stopping: list[asyncio.Task[None]] = []

        def stop() -> None:
            # Who asks twice is in a hurry.
            stopping.append(loop.create_task(self.shutdown(0 if stopping else 5)))

        # Signals go to the main thread. On another one, `shutdown` ends it.
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, stop)
        bound = self.listen(host, port)
        if on_listening is not None:
            on_listening(bound)
        await self.serve()
        await asyncio.gather(*stopping)

    async def shutdown(self, timeout: float = 5) -> None:
        """Disconnects all clients and stops. Those that do not go within `timeout` seconds are cut off."""
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
        """Sends an event to a client and waits for its answer: nothing, one value, or a tuple.

        Raises `TimeoutError` when it does not come in time, and `ClientGoneError`, which is one, when it cannot.
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
                raise exceptions.ClientGoneError("there is no such client")
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
        """Sends an event to many and waits for all their answers: a list of (sid, arguments) in the order they came.

        Raises `TimeoutError` when not all have answered in time; its `answers` are those that have come.
        """
        dispatcher = self._check_loop()
        native = self._native(namespace)
        if native is None:
            raise exceptions.BadNamespaceError(f"{namespace} is not a namespace of this server")
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

    def _future(
        self, dispatcher: AsyncDispatcher
    ) -> tuple[asyncio.Future[tuple[str, Replies]], int]:
        future: asyncio.Future[tuple[str, Replies]] = dispatcher.loop.create_future()

        def done(outcome: str, replies: Replies) -> None:
            # A loop that was closed without `shutdown` runs nothing any more.
            if not future.done() and not dispatcher.loop.is_closed():
                future.set_result((outcome, replies))

        return future, dispatcher.expect(done)

    # ----------------------------------------------------------------- clients

    async def get_session(self, sid: str, namespace: str | None = None) -> dict[str, Any]:
        """What was saved for a client; a dictionary, empty at first."""
        return self._get_session(sid, namespace)

    async def save_session(
        self, sid: str, session: dict[str, Any], namespace: str | None = None
    ) -> None:
        """Saves something for a client, until it leaves."""
        self._save_session(sid, session, namespace)

    def session(
        self, sid: str, namespace: str | None = None
    ) -> AbstractAsyncContextManager[dict[str, Any]]:
        """`async with sio.session(sid) as session:` saves the session at the end of the block."""
        return self._session(sid, namespace)

    @asynccontextmanager
    async def _session(self, sid: str, namespace: str | None) -> AsyncIterator[dict[str, Any]]:
        session = self._get_session(sid, namespace)
        yield session
        self._save_session(sid, session, namespace)

    # ------------------------------------------------------------------- tasks

    def start_background_task(
        self, target: Callable[..., Any], *args: Any, **kwargs: Any
    ) -> asyncio.Task[Any]:
        """Runs a coroutine function as a task."""
        return asyncio.ensure_future(target(*args, **kwargs))

    async def sleep(self, seconds: float = 0) -> None:
        """The same as `asyncio.sleep`."""
        await asyncio.sleep(seconds)
