"""A Ray session of the bench's own: never one that happens to run here, and gone with all its processes at the end."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Any, Final

import ray

from actors.ray_actors import CALLS_MAX, NAMESPACE
from bench import processes
from serve.config.environment import SWITCHES

CALL_S: Final = 60.0


@contextmanager
def ray_session() -> Iterator[str]:
    """Ray under the service's switches. Gives the mark of its processes, see `processes`."""
    mark = processes.fresh_mark()
    # Ray's processes inherit them. Only Ray's own are set: those of Serve concern processes that are not started here.
    os.environ.update({name: value for name, value in SWITCHES.items() if not name.startswith("RAY_SERVE_")})
    os.environ[processes.MARK] = mark
    try:
        ray.init(
            address="local",
            namespace=NAMESPACE,
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.WARNING,
            object_store_memory=100 * 1024 * 1024,
            num_cpus=max(4, os.cpu_count() or 1),
        )
        yield mark
    finally:
        ray.shutdown()
        del os.environ[processes.MARK]
        processes.end(mark)


class NoOp:
    """The floor: an actor that gives back what it was given."""

    def __init__(self, answer_bytes: int) -> None:
        self._answer = b"\0" * answer_bytes

    def ping(self) -> int:
        """Its process."""
        return os.getpid()

    def step(self, batch: bytes) -> bytes:
        """As many bytes as a StoreActor would answer with."""
        del batch
        return self._answer


def make_no_op(answer_bytes: int = 0) -> Any:
    """A NoOp with the options of our own actors."""
    plain: Any = NoOp
    handle: Any = (
        ray.remote(plain)
        .options(max_restarts=-1, max_task_retries=0, max_concurrency=CALLS_MAX, num_cpus=0, enable_task_events=False)
        .remote(answer_bytes)
    )
    ray.get(handle.ping.remote(), timeout=CALL_S)
    return handle


def ask(handle: Any, method: str, *arguments: Any, timeout_s: float = CALL_S) -> Any:
    """Call an actor and wait for the answer."""
    return ray.get(getattr(handle, method).remote(*arguments), timeout=timeout_s)


def step_all(handle: Any, batches: list[bytes], in_flight: int) -> tuple[list[bytes], list[float]]:
    """Send each batch, so many at a time: the answers in their sequence, and the seconds that each took."""
    under_way: dict[Any, tuple[int, float]] = {}
    answers: list[bytes] = [b""] * len(batches)
    took: list[float] = []
    for place, batch in enumerate(batches):
        under_way[handle.step.remote(batch)] = (place, perf_counter())
        if len(under_way) == in_flight:
            _land(under_way, answers, took)
    while under_way:
        _land(under_way, answers, took)
    return answers, took


def _land(under_way: dict[Any, tuple[int, float]], answers: list[bytes], took: list[float]) -> None:
    ready, _ = ray.wait(list(under_way), num_returns=1, timeout=CALL_S)
    if not ready:
        raise TimeoutError(f"an actor did not answer within {CALL_S} s")
    for reference in ready:
        place, began = under_way.pop(reference)
        answers[place] = ray.get(reference)
        took.append(perf_counter() - began)
