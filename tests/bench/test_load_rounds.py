"""The generator of loads: how many requests it makes, and loads that begin together."""

from collections.abc import Sequence
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Barrier, Event, Thread

import pytest

from bench.load.rounds import RESERVATIONS_S_MAX, Generator, Load, calls_of
from bench.record import Counts, Options
from bench.service import Service
from tests.runtime.runtime_fixture import STILL_S, WAIT_S

LOAD = Load("frames", "nowhere", "/none", ("S1",), 1, 1.0, 1, seed=1)
SEEN = {"seconds": 1.0, "cpu_s": 0.0, "calls": 1, "p50_ms": 1.0, "p99_ms": 1.0, "p99_9_ms": 1.0}


@pytest.mark.parametrize(
    ("size", "rate", "calls"),
    [(1, 200.0, 1_001), (32, 250.0, 1_251), (256, 0.0, 5 * (RESERVATIONS_S_MAX // 256) + 1), (1, 0.0, 60_001)],
)
def test_at_a_rate_no_more_requests_are_made_than_are_due(size: int, rate: float, calls: int) -> None:
    assert calls_of(5.0, size, rate) == calls


def test_loads_that_are_measured_together_begin_once_both_are_prepared(tmp_path: Path) -> None:
    first_ready, gone = Event(), [Event(), Event()]
    early: list[bool] = []

    def process(place: int, user: Connection) -> None:
        user.recv()
        if place:
            assert first_ready.wait(WAIT_S)
            early.append(gone[0].wait(STILL_S))
        user.send("ready")
        if not place:
            first_ready.set()
        user.recv()
        gone[place].set()
        user.send(SEEN)
        user.send({"told": Counts(1, 0), "failure": ""})

    together, service = Barrier(2), Service("nowhere", "no mark")
    options = Options(tmp_path, lambda _: None, True, 1, 1.0)
    pipes = [Pipe(), Pipe()]
    users = [Generator(ours, options) for ours, _ in pipes]
    started = [Thread(target=process, args=(place, theirs)) for place, (_, theirs) in enumerate(pipes)]
    started += [Thread(target=each.measure, args=(LOAD, service, together)) for each in users]
    _run(started)
    assert early == [False], "the first one began before the other was prepared"
    assert all(each.told[service.mark] == [Counts(1, 0)] for each in users)


def _run(threads: Sequence[Thread]) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_S)
