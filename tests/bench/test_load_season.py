"""A whole scenario against a gateway in this process, with a generator in a thread; its report; and a fleet whose
generators fail.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import StringIO
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import orjson
import pytest
from rich.console import Console

from bench.load import season, session
from bench.load.command import line_of, recorded
from bench.load.display import picture
from bench.load.figures import Gathering, Outcome, Report, Said, Second
from bench.load.fleet import OVER, READY, Fleet, GeneratorFailed, serve
from bench.load.knee import Point
from bench.load.profile import constant
from bench.load.report import page
from bench.load.run import Ran, Sample, Stage, quiet_by
from bench.load.season import Result, Scenario, at_most, conduct
from bench.load.session import Asked, Plan, Session
from bench.load.traffic import Mix, Places
from bench.load.worker import Job, Told
from bench.record import Headline
from bench.service import Usage
from tests.clients.service import Service
from tests.clients.serving import serving_in_thread

RATE, SECONDS = 200.0, 0.3
JOB = Job("", "client", constant(1.0, 1.0), Mix(), Places(("S1",), 1), "run", "seed")


@contextmanager
def in_thread(play: Callable[[Connection], None], size: int = 1) -> Iterator[Fleet]:
    """Generators that are threads."""
    ours, threads = [], []
    for _ in range(size):
        here, there = Pipe()
        thread = threading.Thread(target=play, args=(there,), daemon=True)
        thread.start()
        ours.append(here)
        threads.append(thread)
    try:
        yield Fleet(ours)
    finally:
        for here in ours:
            here.close()
        for thread in threads:
            thread.join(30)


def plan(_: Asked) -> Plan:
    return Plan(2, 5, [Mix()])


def run(found: Session, headlines: list[Headline]) -> None:
    found.searches["search"] = [Point(10.0, 10.0, 5.0, 1.0), Point(20.0, 12.0, 80.0, 1.0)]
    ran = found.do(Stage("a stage <b>", constant(RATE, SECONDS), Mix()), [(0.1, "a fault", lambda: None)])
    headlines.append(at_most("p99", ran.figures()["p99_ms"], 60_000.0))


def conducted(folder: Path, monkeypatch: pytest.MonkeyPatch, how: Callable[[Session, list[Headline]], None]) -> Result:
    monkeypatch.setattr(session, "fleet", lambda _: in_thread(serve))
    monkeypatch.setattr(season, "ALONE_S", 0.1)
    with Service(folder) as service, serving_in_thread(service) as target:
        asked = Asked(scratch=folder, target=target)
        return conduct("test", Scenario(plan, how), asked, Console(quiet=True))


def test_a_scenario_is_run_proved_put_away_and_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = conducted(tmp_path, monkeypatch, run)
    conservation = result.outcome.conservation
    assert conservation is not None
    assert conservation.holds, conservation.sentence()
    assert conservation.told.accepted > 0
    assert f"{conservation.found:,} reservations released" in result.document["left"]
    assert "NOT PUT AWAY" not in result.document["left"]
    line: dict[str, Any] = orjson.loads(orjson.dumps(line_of("test", "a command", result)))
    assert "stages" not in recorded(line)["load"]
    alone, stage = line["load"]["stages"]
    assert alone["name"] in line["load"]["steps"]
    assert stage["marks"][0][1] == "a fault"
    assert sum(row[1] for row in stage["over_time"]) == sum(row[3] for row in stage["outcomes"])
    text = page([line])
    assert text.count("<svg") == 3
    for said in ("conservation holds", "a stage &lt;b&gt;", "put away"):
        assert said in text
    assert "<script" not in text
    strict = text.replace("<!doctype html>", "").replace('<meta charset="utf-8">', "").replace("class=number", "")
    ET.fromstring(strict)  # noqa: S314  # our own text: every tag is closed


def test_the_picture_shows_what_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = Console(file=StringIO(), width=200)

    def watched(found: Session, headlines: list[Headline]) -> None:
        shown.print(picture("test", None))
        run(found, headlines)
        usage = [{"gateway": Usage(cpu_s, 64 << 20)} for cpu_s in (1.0, 1.5)]
        found.ran[-1].samples = [Sample(float(second), used) for second, used in enumerate(usage)]
        found.second = 3.0
        shown.print(picture("test", found))

    conducted(tmp_path, monkeypatch, watched)
    assert isinstance(shown.file, StringIO)
    text = shown.file.getvalue()
    for said in ("asked/s", "late ms, p99", "knee so far: 10/s  p99 80 ms", "gateway 0.50; memory 64 MiB"):
        assert said in text


def test_a_scenario_that_is_stopped_is_told_with_what_there_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(found: Session, headlines: list[Headline]) -> None:
        long = Stage("long", constant(RATE, 600.0), Mix())
        found.do(long, [(0.2, "Ctrl-C", lambda: setattr(found.stopping, "is_set", True))])

    result = conducted(tmp_path, monkeypatch, stopped)
    assert result.interrupted
    assert result.outcome.conservation is not None
    assert result.outcome.conservation.holds
    assert result.outcome.conservation.told.accepted > 0


def test_where_the_generator_was_the_bottleneck_the_verdict_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(found: Session, headlines: list[Headline]) -> None:
        run(found, headlines)
        found.ran[-1].seconds = seconds_of((0, 0.001, 0.01, Said.ACCEPTED))
        found.ran[-1].cpu_s = {0: [(0.0, 0.0), (1.0, 0.99)]}

    result = conducted(tmp_path, monkeypatch, late)
    assert result.outcome.conservation is not None
    assert result.outcome.conservation.holds
    assert result.late == ["a stage <b>: a generator took 99% of a core"]
    assert not result.holds


def seconds_of(*rows: tuple[int, float, float, Said]) -> dict[int, Second]:
    """Calls as (second, lag, took, said), times in seconds."""
    gathering = Gathering()
    for second, lag, took, said in rows:
        gathering.sent(second, lag, 1)
        gathering.answered(second, took, Outcome("reserve", said))
    return gathering.taken()


def test_a_stage_says_why_its_generators_held_it_back() -> None:
    ran = Ran(Stage("it", constant(1.0, 2.0), Mix()), seconds_of((0, 0.001, 0.01, Said.ACCEPTED)))
    assert ran.late() == ""
    ran.seconds = seconds_of((0, 0.2, 0.5, Said.ACCEPTED))
    assert ran.late() == ""
    ran.seconds = seconds_of((0, 0.2, 0.3, Said.ACCEPTED))
    assert ran.late() == "it: one call in a hundred was made 200 ms late or later"
    ran.seconds = seconds_of((0, 0.001, 0.0, Said.NOT_SENT), (1, 0.001, 0.01, Said.ACCEPTED))
    assert ran.late() == "it: 1 of 2 calls were not made, as too many were unanswered"


def test_a_stage_counts_what_came_in_its_time_and_leaves_the_warming_out() -> None:
    answers = [(0, 0.0, 0.01, Said.ACCEPTED), (1, 0.0, 0.02, Said.ACCEPTED), (2, 0.0, 9.0, Said.ACCEPTED)]
    ran = Ran(Stage("it", constant(1.0, 3.0), Mix(), warm_s=1.0), seconds_of(*answers, (2, 0.0, 0.03, Said.OVERLOADED)))
    figures = ran.figures()
    assert (figures["asked_per_s"], figures["per_s"], figures["overloaded_per_s"]) == (1.5, 0.5, 0.5)
    assert figures["longest_ms"] == pytest.approx(9_000, rel=0.01)
    assert ran.point().reached == pytest.approx(1 / 3)


def test_it_is_calm_from_the_second_on_in_which_it_stays_so() -> None:
    slow, fast = (0.0, 1.0, Said.ACCEPTED), (0.0, 0.01, Said.ACCEPTED)
    ran = Ran(Stage("it", constant(1.0, 9.0), Mix()), seconds_of((4, *slow), (5, *fast), (6, *slow), (7, *fast)))
    assert quiet_by(ran, 5, 50.0) == 2
    assert quiet_by(ran, 7, 50.0) == 0
    ran.seconds = seconds_of((5, *slow))
    assert quiet_by(ran, 5, 50.0) is None


def test_a_fleet_hears_all_its_generators_and_ends_them_early() -> None:
    heard: list[int] = []

    def play(user: Connection) -> None:
        job = user.recv()
        user.send(READY)
        user.recv()
        user.send(Report(job.index, {}, 0.0, 0))
        assert user.recv() == OVER
        user.send(Told({}, job.index, job.of))

    with in_thread(play, 3) as fleet:
        told = fleet.run(JOB, lambda report: heard.append(report.generator), lambda _: None, lambda: len(heard) == 3)
    assert sorted(heard) == [0, 1, 2]
    assert told == [Told({}, index, 3) for index in range(3)]


def test_where_a_generator_has_ended_there_is_no_result() -> None:
    def play(user: Connection) -> None:
        user.recv()
        user.send(READY)
        user.recv()
        user.close()

    with in_thread(play) as fleet, pytest.raises(GeneratorFailed, match="ended"):
        fleet.run(JOB, lambda _: None, lambda _: None, lambda: False)
