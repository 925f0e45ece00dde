"""The result: one document with everything that was promised to be in it, told to people and kept for machines."""

from io import StringIO
from typing import Any, cast

import orjson
import pytest
from rich.console import Console

from bench.demo.answers import Answers
from bench.demo.progress import Phases
from bench.demo.proof import Proof
from bench.demo.report import document, tell, verdict_of
from bench.demo.run import Told, state_differs
from bench.demo.verdict import Contest, Repeated, Witness
from bench.workload import Workload
from bench.workload_seeded import seeded_workload
from clients import ChannelClient, Verification
from tests.bench import history
from tests.bench.history import END, HELD, SHORT_OF_PEARS, STORE

MACHINE = {"cpu": "any", "cores": 2, "memory_gib": 4, "kernel": "6", "python": "3.11", "ray": "2.60", "date": "today"}
SOUND = Verification(STORE, 9, True, (), 9, 2, 1, 0, 0, "hash")


@pytest.fixture
def workload() -> Workload:
    return seeded_workload(7, 3)


def _told() -> Told:
    # The log is all that is read of it: nobody is asked anything here.
    answers = Answers(cast("ChannelClient", None))
    answers.log.extend(history.answers())
    answers.repeats.append(Repeated(history.answers()[1].call, HELD, HELD, same_content=True))
    return Told(answers, (Contest(STORE, "apple", 1, 5),), replay_s=1.0, replayed_calls=9)


def _proof(told: Told, *verifications: Verification) -> Proof:
    witness = Witness(told.answers.log, {})
    for event in history.events():
        witness.see(event)
    return Proof({}, witness.findings(END), witness.projection, verifications or (SOUND,))


def _result(workload: Workload, told: Told, proof: Proof) -> dict[str, Any]:
    verdict = verdict_of(told, proof)
    return document(workload, told, proof, verdict, machine=MACHINE, seconds=1.5)


def _text(result: dict[str, Any]) -> str:
    out = StringIO()
    tell(result, Console(file=out, width=160))
    return out.getvalue()


def test_the_document_has_everything_that_was_promised(workload: Workload) -> None:
    told = _told()
    result: dict[str, Any] = orjson.loads(orjson.dumps(_result(workload, told, _proof(told))))
    promised = {"seed", "source", "machine", "orders", "accepted", "refused", "latency_ms", "rates", "repeats"}
    assert promised | {"recoveries", "verdict", "seconds"} <= set(result)
    assert (
        result["verdict"].items()
        >= {
            "holds": True,
            "oversold": 0,
            "answers_lost": 0,
            "conservation": "holds",
            "repeats_differing": 0,
            "expired_late": 0,
        }.items()
    )
    assert result["reservations_at_the_end"] == {"COLLECTED": 1, "EXPIRED": 1}


def test_a_sound_run_says_that_it_holds_and_where_its_orders_are_from(workload: Workload) -> None:
    told = _told()
    text = _text(_result(workload, told, _proof(told)))
    assert "HOLDS" in text
    assert workload.source in text


def test_a_broken_run_says_what_broke(workload: Workload) -> None:
    told = _told()
    told.answers.repeats.append(Repeated(history.answers()[1].call, HELD, SHORT_OF_PEARS, same_content=True))
    told.answers.log.append(told.answers.log[1])
    text = _text(_result(workload, told, _proof(told)))
    assert "BROKEN" in text
    assert "another call was answered with the same version" in text


def test_the_worse_of_audit_and_feed_counts_as_oversold(workload: Workload) -> None:
    told = _told()
    audited = Verification(STORE, 9, False, (), 9, 2, 1, 0, 3, "hash")
    verdict = verdict_of(told, _proof(told, audited))
    assert verdict.oversold == 3
    assert verdict.conservation != "holds"


def test_a_state_that_a_restart_changed_is_found() -> None:
    told = _told()
    changed = Verification(STORE, 9, True, (), 9, 2, 1, 0, 0, "another hash")
    later = Verification(STORE, 10, True, (), 10, 2, 1, 0, 0, "another hash")
    assert len(state_differs(_proof(told), _proof(told, changed))) == 1
    assert state_differs(_proof(told), _proof(told, later)) == []


def test_phases_are_plain_lines_where_there_is_no_terminal() -> None:
    out = StringIO()
    with Phases(Console(file=out)).phase("Counting", 2) as tick:
        tick(2)
    assert out.getvalue().splitlines()[0] == "Counting ..."
    assert out.getvalue().rstrip().endswith(", 2")


def test_phases_are_bars_on_a_terminal() -> None:
    out = StringIO()
    with Phases(Console(file=out, force_terminal=True, width=120)).phase("Counting", 2) as tick:
        tick(2)
    assert "2/2" in out.getvalue()
