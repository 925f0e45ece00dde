"""The audit of customers' journals can fail: a sound journal, doctored in one place, and the rule that says so."""

from typing import Final, NamedTuple, get_args

import pytest
from msgspec.structs import replace

from actors.core.status import ReleaseReason
from actors.orders import events as ev
from actors.orders.audit import VIOLATIONS_KEPT_MAX, OrderAudit
from actors.orders.commands import Plan
from actors.orders.transact import Answering
from actors.runtime.kinds import CUSTOMERS
from tests.orders.scenario import play
from tests.orders.test_limits import OPEN
from tests.orders.watched import LEDGER
from tests.shop.scenario_text import instant

PAGE: Final = """
    at   | said
    0:00 | open ann S1 A 2 / S2 B 1
    0:00 | commit #2.1 S1 11, S2 12
    0:01 | open bob S1 A 1
    0:01 | abandon #4.1 INSUFFICIENT_STOCK
    0:02 | confirm #2 within 1h
    0:03 | open cid S1 A 1
"""
ANN, BOB, CID = 2, 4, 7


class Row(NamedTuple):
    """One event as the journal has it."""

    version: int
    epoch: int
    at_ms: int
    event: ev.Event


def journal() -> list[Row]:
    records = play(PAGE, OPEN).records
    events = [(at_ms, event) for at_ms, payload in records for event in CUSTOMERS.read_events(payload)]
    return [Row(version, 3, at_ms, event) for version, (at_ms, event) in enumerate(events, start=1)]


def audited(rows: list[Row]) -> OrderAudit:
    audit = OrderAudit(LEDGER)
    for row in rows:
        audit.add(*row)
    return audit


def more(text: str, event: ev.Event) -> Row:
    return Row(8, 3, instant(text), event)


ADDED: Final[dict[str, tuple[str, str, Row]]] = {
    "a gap": ("I8", "version 9", more("0:03", ev.Released("k", "x", ANN, ReleaseReason.OTHER))._replace(version=9)),
    "an epoch that falls": (
        "I9",
        "version 8",
        more("0:03", ev.Released("k", "x", ANN, ReleaseReason.OTHER))._replace(epoch=2),
    ),
    "time that falls": ("I11", "version 8", more("0:02", ev.Released("k", "x", ANN, ReleaseReason.OTHER))),
    "an order that is not there": ("I3", "version 8", more("0:03", ev.Expired(99))),
    "released when it is over": ("I3", "order 4", more("0:03", ev.Released("k", "x", BOB, ReleaseReason.OTHER))),
    "confirmed twice": ("I3", "order 2", more("0:03", ev.Confirmed("k", "x", ANN, instant("5:00")))),
    "extended while it is open": ("I3", "order 7", more("0:03", ev.Extended("k", "x", CID, instant("5:00")))),
    "committed without an attempt": ("I3", "order 2", more("0:03", ev.Committed(ANN, (), instant("5:00")))),
    "committed too late": ("I11", "order 7", more("0:04", ev.Committed(CID, (("S1", 9),), instant("5:00")))),
    "committed without all claims": ("I7", "order 7", more("0:03", ev.Committed(CID, (), instant("5:00")))),
    "abandoned by time too early": ("I11", "order 7", more("0:03", ev.Abandoned(CID, None))),
    "expired too early": ("I11", "order 2", more("1:01", ev.Expired(ANN))),
    "expired when it is over": ("I3", "order 4", more("1:01", ev.Expired(BOB))),
    "extended after its deadline": ("I11", "order 2", more("1:03", ev.Extended("k", "x", ANN, instant("5:00")))),
    "a key answered twice": (
        "I5",
        "order 2",
        more("0:03", ev.Released(f"\n{ANN}\nline 5", "x", ANN, ReleaseReason.OTHER)),
    ),
}


def test_a_sound_journal_is_found_sound() -> None:
    audit = audited(journal())
    assert audit.violations == []
    assert (audit.accepted, audit.ledger.version, audit.broken) == (1, 7, False)


@pytest.mark.parametrize("added", ADDED)
def test_what_was_not_allowed_is_named(added: str) -> None:
    invariant, subject, row = ADDED[added]
    audit = audited([*journal(), row])
    assert (invariant, subject) in {(each.invariant, each.subject) for each in audit.violations}


def test_an_order_over_the_limit_is_named() -> None:
    rows = journal()
    opened = rows[ANN - 1].event
    assert isinstance(opened, ev.Opened)
    for number in range(8):
        version = len(rows) + 1
        again = replace(opened, command=replace(opened.command, key=f"more {number}"))
        rows.append(Row(version, 3, rows[-1].at_ms, again))
    named = {(each.invariant, each.found) for each in audited(rows).violations}
    assert named == {("I15", "OPEN_RESERVATIONS_LIMIT was due")}


def test_nothing_is_replayed_from_an_event_on_that_has_no_order() -> None:
    rows = [*journal(), more("0:03", ev.Expired(99))]
    audit = audited([*rows, *(row._replace(version=row.version + 8) for row in rows)])
    assert (audit.broken, len(audit.violations), audit.ledger.version) == (True, 1, 7)


def test_an_amendment_committed_without_its_claims_is_named() -> None:
    opened = ev.AmendOpened("k", "x", ANN, (Plan("S3", (("A", 1),), 0),), (), instant("0:04"), 0, "", ())
    committed = ev.Committed(ANN, (), instant("1:02"))
    audit = audited([*journal(), more("0:03", opened), more("0:03", committed)._replace(version=9)])
    assert audit.broken
    assert [(each.invariant, each.subject, each.found) for each in audit.violations] == [("I7", "order 2", "()")]


def test_what_is_told_is_bounded() -> None:
    rows = journal()
    audit = audited(rows)
    late = rows[0]._replace(epoch=1, at_ms=0)
    for _ in range(VIOLATIONS_KEPT_MAX):
        audit.add(*late)
    assert len(audit.violations) == VIOLATIONS_KEPT_MAX


ANSWERED: Final = """
    at   | said
    0:00 | open ann S1 A 2 / S2 B 1
    0:00 | commit #2.1 S1 11, S2 12
    0:01 | extend #2 for 1h
    0:02 | confirm #2 within 1h
    0:03 | fan_out #2
    0:04 | release #2
"""


@pytest.mark.parametrize("kind", get_args(Answering))
def test_an_answer_that_its_event_does_not_make_is_found(kind: type[Answering]) -> None:
    records = play(ANSWERED, OPEN).records
    audit = OrderAudit(LEDGER)
    for at_ms, payload in records:
        for event in CUSTOMERS.read_events(payload):
            wrong = event
            if isinstance(event, kind):
                assert event.answer is not None
                wrong = replace(event, answer=replace(event.answer, expires_at_ms=1))
            audit.add(audit.ledger.version + 1, 1, at_ms, wrong)
    assert [violation.invariant for violation in audit.violations] == ["I5"]
