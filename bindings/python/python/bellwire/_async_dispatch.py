"""The dispatcher for asyncio: takes the events and runs the handlers on the thread of the event loop."""

from __future__ import annotations

import asyncio
import inspect
import sys
from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from ._dispatch import Dispatcher

if TYPE_CHECKING:
    from ._asyncio import AsyncServer
    from ._handlers import Handler
    from ._native import Ack

_EAGER = sys.version_info >= (3, 12)


class AsyncDispatcher(Dispatcher):
    """Calls plain functions directly and runs coroutines as tasks."""

    def __init__(self, server: AsyncServer, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(server)
        self.loop = loop
        self.ended = asyncio.Event()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._eager = _EAGER and loop.get_task_factory() is None
        #: The number of tasks that were created and have not begun. Until they begin, later handlers must run as tasks
        #: too, or they would overtake them.
        self._not_begun = 0
        #: With `async_handlers=False`: the queued jobs by client. A client has an entry while one of its jobs runs.
        self._waiting: dict[str, deque[Callable[[], Any]]] = {}

    def task(self, coroutine: Any, done: Callable[[asyncio.Task[Any]], None]) -> None:
        """Runs a coroutine as a task and calls `done` at its end.

        From Python 3.12 on, the task begins at once, unless the loop has a task factory.
        """
        task: asyncio.Task[Any]
        if self._eager:
            task = asyncio.Task(coroutine, loop=self.loop, eager_start=True)  # type: ignore[call-arg, unused-ignore]
            if task.done():
                done(task)
                return
        else:
            task = self.loop.create_task(coroutine)
            self._not_begun += 1
            if self._not_begun == 1:
                self._keep_order(True)
            # A loop runs callbacks in the order in which they were scheduled: this one after the task has begun.
            self.loop.call_soon(self._has_begun)
        # The loop holds only weak references to tasks.
        self._tasks.add(task)

        def end(task: asyncio.Task[Any]) -> None:
            self._tasks.discard(task)
            done(task)

        task.add_done_callback(end)

    def _has_begun(self) -> None:
        self._not_begun -= 1
        if self._not_begun == 0:
            self._keep_order(False)

    def _keep_order(self, wanted: bool) -> None:
        engine = self.server._engine
        if engine is not None and not engine.closed:
            engine.keep_order(wanted)

    def spawn(self, coroutine: Any, ack: Ack | None, handler: Handler) -> None:
        self.task(coroutine, partial(self._finish, ack, handler))

    def _finish(self, ack: Ack | None, what: object, task: asyncio.Task[Any]) -> None:
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            self.fault(error, getattr(what, "__qualname__", str(what)))
        elif ack is not None:
            try:
                ack.send(task.result())
            except Exception as mistake:
                self.fault(mistake, getattr(what, "__qualname__", str(what)))

    def run(self, handler: Handler, args: Any, ack: Ack | None, name: str, sid: str) -> None:
        if not self.server.async_handlers:
            self._in_order(sid, partial(self._complete, handler, args, ack, name))
            return
        if self._not_begun and not inspect.iscoroutinefunction(handler):
            self.task(self._complete(handler, args, ack, name), partial(self._finish, None, name))
            return
        try:
            result = handler(*args)
            if asyncio.iscoroutine(result):
                self.task(result, partial(self._finish, ack, name))
            elif ack is not None:
                ack.send(result)
        except Exception as error:
            self.fault(error, name)

    async def _complete(self, handler: Handler, args: Any, ack: Ack | None, name: str) -> None:
        try:
            result = handler(*args)
            if asyncio.iscoroutine(result):
                result = await result
            if ack is not None:
                ack.send(result)
        except Exception as error:
            self.fault(error, name)

    def decide(self, handler: Handler, args: Any, decided: Callable[[Any], None], sid: str) -> None:
        async def complete(coroutine: Awaitable[Any]) -> None:
            try:
                result = await coroutine
            except asyncio.CancelledError as error:
                decided(error)
                raise
            except Exception as error:
                result = error
            decided(result)

        def begin() -> Any:
            try:
                result = handler(*args)
            except (Exception, asyncio.CancelledError) as error:
                result = error
            if asyncio.iscoroutine(result):
                return complete(result)
            decided(result)
            return None

        async def in_turn() -> None:
            coroutine = begin()
            if coroutine is not None:
                await coroutine

        if sid in self._waiting:
            self._waiting[sid].append(begin)
            return
        coroutine = in_turn() if self._not_begun else begin()
        if coroutine is not None:
            self.task(coroutine, partial(self._finish, None, handler))

    def _in_order(self, sid: str, job: Callable[[], Any]) -> None:
        if sid in self._waiting:
            self._waiting[sid].append(job)
            return
        self._waiting[sid] = deque([job])
        self._go_on(sid)

    def _go_on(self, sid: str) -> None:
        self.task(self._work(sid), partial(self._finish, None, "a handler"))

    async def _work(self, sid: str) -> None:
        jobs = self._waiting[sid]
        others_wait = False
        try:
            while jobs:
                try:
                    coroutine = jobs.popleft()()
                    if coroutine is not None:
                        await coroutine
                except Exception as error:
                    self.fault(error, "a handler")
        except asyncio.CancelledError:
            # Only this task is cancelled. The jobs queued behind it get a new task, unless the server has stopped.
            others_wait = bool(jobs) and not self.ended.is_set()
            raise
        finally:
            if others_wait:
                self.loop.call_soon(self._go_on, sid)
            else:
                del self._waiting[sid]

    def fault(self, error: BaseException, what: str) -> None:
        context = {"message": f"exception in {what}", "exception": error}
        self.loop.call_exception_handler(context)

    def shutdown(self) -> None:
        self.end_operations()
        self.ended.set()
