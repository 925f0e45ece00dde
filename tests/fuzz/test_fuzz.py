"""A small fixed part of what `make fuzz` asks, of a gateway and an actor in this process; and what it must find."""

import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import msgspec
import pytest

from actors.rpc import frames
from serve.wire import statuses
from tests.fuzz.findings import Records, judge_line
from tests.fuzz.frames import NESTED as DEPTH, Line, Wire
from tests.fuzz.run import VOLLEY, Run
from tests.fuzz.targets import METHODS, Here

SEED = 12
INPUTS = 360
NESTED = frames.encode(frames.Request(1, 0, "step", msgspec.Raw(b"\x91" * DEPTH + b"\xc0")))


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    (tmp_path / "front").mkdir()
    (tmp_path / "line").mkdir()
    line = Line(tmp_path / "line")
    try:
        with Records() as records, Here(tmp_path / "front") as here:
            yield Run(here, line, records)
    finally:
        line.close()


def test_whatever_is_drawn_is_answered_or_refused_by_name(run: Run) -> None:
    run.round(SEED, INPUTS)
    assert run.tally.found == []
    assert run.tally.inputs >= INPUTS
    assert run.tally.wires


def fail() -> None:
    raise ZeroDivisionError


def refuse_by_no_name() -> None:
    raise statuses.refused(grpc.StatusCode.FAILED_PRECONDITION, "NOT_IN_THE_BOOK", "no")


def lose_data() -> None:
    raise statuses.refused(grpc.StatusCode.DATA_LOSS, "LEDGER_STOPPED", "gone")


def be_away() -> None:
    raise statuses.refused(grpc.StatusCode.UNAVAILABLE, "OUTCOME_UNKNOWN", "away")


def log_without_a_name() -> None:
    logging.getLogger().warning("something")


def log_an_error() -> None:
    logging.getLogger("holdfast.gateway").error("something")


@pytest.mark.parametrize(
    "fault",
    [fail, refuse_by_no_name, lose_data, be_away, log_without_a_name, log_an_error],
    ids=lambda each: each.__name__,
)
def test_a_fault_of_one_method_is_found(run: Run, fault: Callable[[], None]) -> None:
    assert isinstance(run.target, Here)
    served = run.target.front.gateway._unary

    async def answer(request: Any, deadline: float, reply: Any) -> None:
        del request, deadline, reply
        fault()

    served["VerifyTransfers"] = served["VerifyTransfers"]._replace(answer=answer)
    run.methods = {"VerifyTransfers": METHODS["VerifyTransfers"]}
    run.round(SEED, 2 * VOLLEY)
    assert run.tally.found


def test_an_error_that_the_line_does_not_expect_is_found(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "decode", frames._decoder.decode)
    run.ask([Wire(admitted=True, payload=NESTED)])
    assert run.tally.found


@pytest.mark.parametrize(
    ("told", "is_fault"),
    [
        ({"logger": "holdfast.rpc", "message": "m", "level": "warning"}, False),
        ({"logger": "holdfast.rpc", "message": "m", "level": "error"}, True),
        ({"logger": "root", "message": "m", "level": "info"}, True),
        ({"logger": "holdfast.rpc", "message": " ", "level": "info"}, True),
        ({"message": "m", "level": "info"}, True),
    ],
)
def test_lines_of_files_have_a_logger_and_a_message_and_tell_of_no_error(
    told: dict[str, str], *, is_fault: bool
) -> None:
    assert bool(judge_line(json.dumps(told).encode())) is is_fault
    assert judge_line(b"Traceback (most recent call last):")
