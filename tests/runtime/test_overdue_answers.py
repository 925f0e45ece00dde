"""The calls that `actors.ray_actors` makes over Ray, without Ray: a handle whose answers come when the test says so."""

import asyncio
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
import ray
from ray.exceptions import RayTaskError

from actors.journal.open import sqlite_setting
from actors.protocol.messages import ActorGone
from actors.ray_actors import NAMESPACE, OVERDUE_S, RayActors, close_actors
from tests.runtime.loop_time import run, skip, turns
from tests.runtime.runtime_fixture import WAIT_S


class Handle:
    """What Ray gives of an actor: `step` and `ping`, each with one answer to come."""

    def __init__(self) -> None:
        self.answer: Future[bytes] = Future()
        self.pid: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.step = self.ping = self

    def remote(self, *batch: bytes) -> Any:
        """A call: of `step` where there is a batch."""
        return self if batch else self.pid

    def future(self) -> "Future[bytes]":
        """As an ObjectRef's."""
        return self.answer


async def asked(folder: Path) -> tuple[RayActors, Handle, "asyncio.Task[Any]"]:
    """An actor in process 1 is asked, and its answer is overdue."""
    actors, handle = RayActors(sqlite_setting(folder)), Handle()
    actors._handles["a"], actors._pids["a"] = handle, 1
    call = asyncio.get_running_loop().create_task(actors.call("a", "step", b"batch"))
    await turns()
    return actors, handle, call


async def overdue() -> None:
    """The answer is."""
    skip(OVERDUE_S)
    await turns()


def test_a_call_to_a_process_that_was_replaced_is_given_up(tmp_path: Path) -> None:
    async def main() -> None:
        actors, handle, call = await asked(tmp_path)
        await overdue()
        handle.pid.set_result(2)
        async with asyncio.timeout(WAIT_S):
            with pytest.raises(ActorGone):
                await call
        assert actors._pids["a"] == 2
        assert not actors._orphaned

    run(main)


def test_it_is_given_up_too_where_another_call_found_the_successor_first(tmp_path: Path) -> None:
    async def main() -> None:
        actors, handle, call = await asked(tmp_path)
        actors._pids["a"] = 2
        await overdue()
        handle.pid.set_result(2)
        await turns()
        assert call.done()
        with pytest.raises(ActorGone):
            await call

    run(main)


def test_an_answer_that_comes_while_the_successor_is_found_leaves_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        actors, handle, call = await asked(tmp_path)
        await overdue()
        handle.answer.set_result(b"answers")
        assert await call == b"answers"
        handle.pid.set_result(2)
        await turns()
        assert actors._pids["a"] == 2
        assert not actors._orphaned

    run(main)


def test_an_actor_that_fails_to_close_does_not_keep_the_others_from_it(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[str] = []

    class Closing:
        """A handle by its name."""

        def __init__(self, name: str, **_: object) -> None:
            self.name = name
            self.close = self

        def remote(self) -> str:
            return self.name

    def get(name: str, **_: object) -> None:
        if name == "a":
            raise RayTaskError("close", "", ZeroDivisionError())

    actors = [{"name": name, "namespace": NAMESPACE} for name in "ab"]
    monkeypatch.setattr(ray.util, "list_named_actors", lambda **_: actors)
    monkeypatch.setattr(ray, "get_actor", Closing)
    monkeypatch.setattr(ray, "get", get)
    monkeypatch.setattr(ray, "kill", lambda handle: ended.append(handle.name))
    close_actors(lambda _: None)
    assert ended == ["b"]
