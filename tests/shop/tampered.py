"""Tampered journals: a clean one, and every alteration of it, with the invariant that each breaks."""

from collections.abc import Callable
from typing import Any, Final

from msgspec.structs import replace

from actors.core.policy import LimitRule, Policy
from actors.core.status import ReleaseReason, Status
from actors.core.transact import PolicyAdopted
from actors.shop.commands import AdjustmentKind, Claim, Movement, Reserve
from actors.shop.events import (
    Acknowledged,
    Amended,
    Claimed,
    Collected,
    Confirmed,
    Event,
    Expired,
    Extended,
    OutcomeApplied,
    ReadyMarked,
    Released,
    Reserved,
    SafetyStockSet,
    StockAdjusted,
    StockCounted,
)
from actors.shop.returns.events import Returned
from actors.shop.shortfalls.shortfall import Shortfall
from actors.shop.state import FullReservation
from tests.shop.scenario import play
from tests.shop.scenario_text import instant
from tests.shop.watched import Record

Alteration = Callable[[list[Record]], list[Record]]

CLEAN = """
    at   | said                 | events
    0:00 | receive A 5, B 5     | StockAdjusted
    0:01 | reserve ann A 3      | Reserved
    0:02 | reserve bob A 2, B 1 | Reserved
    0:03 | confirm #2           | Confirmed
    0:04 | ready #2             | ReadyMarked
    0:05 | collect #2           | Collected
    0:06 | release #3 B 1       | Released OTHER
    2:02 | wait                 | Expired
    3:00 | reserve cy A 2       | Reserved
    3:01 | sell A 1             | StockAdjusted, ShortfallDeclared, Released SHORTFALL
    3:02 | receive A 1          | StockAdjusted
"""
(STOCKED, ANN, BOB, ANN_CONFIRMED, ANN_READY, ANN_COLLECTED, BOB_PARTLY, BOB_EXPIRED, CY, SOLD, SHORT, LOST, MORE) = (
    range(1, 14)
)


def journal() -> list[Record]:
    return play(CLEAN).records


def altered(version: int, **fields: Any) -> Alteration:
    """One event says something else."""
    return lambda records: [
        record._replace(event=_changed(record.event, fields)) if record.version == version else record
        for record in records
    ]


def _changed(event: Event, fields: dict[str, Any]) -> Event:
    asked = {name: value for name, value in fields.items() if not hasattr(event, name)}
    if asked and isinstance(event, Reserved):
        return replace(event, command=replace(event.command, **asked))
    return replace(event, **fields)


def at(version: int, time: str) -> Alteration:
    """One record has another time."""
    return lambda records: [
        record._replace(at_ms=instant(time)) if record.version == version else record for record in records
    ]


def instead(version: int, event: Event) -> Alteration:
    """Another event in its place."""
    return lambda records: [record._replace(event=event) if record.version == version else record for record in records]


def ending(time: str, *events: Event) -> Alteration:
    """More records at the end."""

    def alter(records: list[Record]) -> list[Record]:
        last = records[-1].version
        more = [Record(last + index, 1, instant(time), event) for index, event in enumerate(events, start=1)]
        return [*records, *more]

    return alter


def cut(after: int, *then: Event, time: str = "2:01") -> Alteration:
    """The journal up to a version, and another end."""
    return lambda records: ending(time, *then)(records[:after])


def lost(version: int) -> Alteration:
    """One record is gone."""
    return lambda records: [record for record in records if record.version != version]


def reserved(
    key: str, *lines: tuple[str, int], customer: str = "dee", channel: str = "web", until: str = "9:00"
) -> Reserved:
    return Reserved(Reserve(key, customer, channel, "", lines, 0), instant(until))


def received(sequence: int, mark: int) -> StockAdjusted:
    return StockAdjusted("x", "", "wms", mark, (Movement("A", 1, sequence, AdjustmentKind.RECEIPT, 0),), 0, 0, ())


def returned(number: int, units: int, unsellable: int = 0, sku: str = "A") -> Returned:
    """Goods of Ann's, who had three."""
    of = (number, Status.COLLECTED, "ann", "web", "", (("A", 3),), 0, 0, 0, number)
    lines, broken = ((sku, units),), ((sku, unsellable),)
    return Returned(f"x{units}", "", number, lines, broken, "", "", FullReservation(*of, ((3, 0),), "p"))


STAYED: Final = PolicyAdopted(Policy(version=2), ("limit_rules",))


def adopted(*rules: LimitRule) -> PolicyAdopted:
    return PolicyAdopted(Policy(version=1, limit_rules=rules))


def claimed(key: str, units: int = 1, call_key: str = "", channel: str = "web", whole: int = 0) -> Claimed:
    all_of_it = (("B", whole),) if whole else ()
    return Claimed(Claim(key, "o1", "dee", channel, (("B", units),), 0, call_key=call_key, whole=all_of_it))


def applied(revision: int, number: int, status: Status, *given_back: int, channel: str = "") -> OutcomeApplied:
    lines = tuple(("B", units) for units in given_back)
    event = OutcomeApplied("o1", revision, number, status, instant("9:00"), ReleaseReason.OTHER, lines)
    return replace(event, channel=channel)


TAMPERED: dict[str, tuple[str, str, Alteration]] = {
    # name: the invariant, what it must name, and how the journal is tampered with
    "sells more than the line holds": ("I1", "reservation 2", altered(ANN_COLLECTED, lines=(("A", 4),))),
    "sells less than nothing": ("I1", "reservation 2", altered(ANN_COLLECTED, lines=(("A", -1),))),
    "sells another SKU": ("I1", "reservation 2", altered(ANN_COLLECTED, lines=(("B", 3),))),
    "gives back a line too many": ("I1", "reservation 3", altered(BOB_PARTLY, lines=(("A", 0), ("B", 1), ("B", 1)))),
    "gives back a line too few": ("I1", "reservation 3", altered(BOB_PARTLY, lines=(("A", 2),))),
    "gives back more than is held": ("I1", "reservation 3", altered(BOB_PARTLY, lines=(("A", 0), ("B", 2)))),
    "takes back more than was collected": ("I1", "reservation 2", ending("3:03", returned(ANN, 4))),
    "takes back what has come back": ("I1", "reservation 2", ending("3:03", returned(ANN, 2), returned(ANN, 3))),
    "takes nothing back": ("I1", "reservation 2", ending("3:03", returned(ANN, 0))),
    "takes back another SKU": ("I1", "reservation 2", ending("3:03", returned(ANN, 1, sku="B"))),
    "takes back what was never collected": ("I1", "reservation 9", ending("3:03", returned(CY, 1))),
    "writes off more than came back": ("I1", "reservation 2", ending("3:03", returned(ANN, 1, 2))),
    "expires a part": ("I1", "reservation 3", altered(BOB_EXPIRED, lines=(("A", 1), ("B", 0)))),
    "holds more than there is": ("I2", "A at version 3", altered(BOB, lines=(("A", 3), ("B", 1)))),
    "holds one unit twice over two lines": ("I2", "A at version 3", altered(BOB, lines=(("A", 2), ("A", 1)))),
    "holds what was never stocked": ("I2", "Z at version 3", altered(BOB, lines=(("Z", 1), ("B", 1)))),
    "holds what safety stock keeps back": ("I2", "A at version 3", instead(ANN, SafetyStockSet("x", "", (("A", 4),)))),
    "breaks promises without a word": (
        "I2",
        "A at version 4",
        cut(BOB, StockCounted("x", "", 0, (("A", -1),), 0, ()), received(9, 9)),
    ),
    "breaks promises at the very end": (
        "I2",
        "A at version 4",
        cut(BOB, StockCounted("x", "", 0, (("A", -1),), 0, ())),
    ),
    "declares less than is missing": ("I2", "A", altered(SHORT, shortfall=Shortfall("A", 0, ()))),
    "declares a loss that is not the one released": (
        "I2",
        "reservation",
        altered(SHORT, shortfall=Shortfall("A", 1, ((CY, 2),))),
    ),
    "declares a loss and does not release it": ("I2", "reservation 9", instead(LOST, received(9, 9))),
    "takes for a shortfall what none declared": (
        "I2",
        "reservation 9",
        ending("3:03", Released("", "", CY, (("A", 1),), ReleaseReason.SHORTFALL), received(9, 9)),
    ),
    "confirms twice": ("I3", "reservation 2", instead(ANN_READY, Confirmed("x", "", ANN, instant("9:00")))),
    "marks a hold ready": ("I3", "reservation 2", instead(ANN_CONFIRMED, ReadyMarked("x", "", ANN))),
    "collects what was collected": (
        "I3",
        "reservation 2",
        instead(BOB_PARTLY, Collected("x", "", ANN, (("A", 3),), "p")),
    ),
    "expires what was collected": ("I3", "reservation 2", instead(BOB_EXPIRED, Expired(ANN, (("A", 3),)))),
    "extends what has expired": ("I3", "reservation 3", ending("3:03", Extended("x", "", BOB, instant("9:00")))),
    "releases what never was": ("I3", "reservation 99", ending("3:03", Released("x", "", 99, (), ReleaseReason.OTHER))),
    "replaces an order": (
        "I3",
        "reservation 2",
        instead(ANN_READY, Released("", "", ANN, (("A", 3),), ReleaseReason.REPLACED)),
    ),
    "answers one key with two effects": ("I5", "key line 2", altered(BOB, key="line 2")),
    "answers a refused key": (
        "I5",
        "key line 3",
        ending("3:03", Released("line 3", "", CY, (("A", 1),), ReleaseReason.OTHER)),
    ),
    "answers a claim's call": ("I5", "key y", ending("3:03", claimed("x", call_key="y"), reserved("y", ("A", 1)))),
    "claims under an answered key": ("I5", "key line 2", ending("3:03", claimed("x", call_key="line 2"))),
    "applies a row twice": ("I5", "source wms", ending("3:03", received(2, 4))),
    "lets a source's mark fall": ("I5", "source wms", ending("3:03", received(9, 1))),
    "claims twice for one order": ("I7", "o1", ending("3:03", claimed("x"), claimed("y"))),
    "claims for an order that was over": (
        "I7",
        "o1",
        ending("3:03", applied(1, 0, Status.RELEASED), claimed("x")),
    ),
    "applies an older word": (
        "I7",
        "o1",
        ending("3:03", claimed("x"), applied(2, 14, Status.HELD, 0), applied(1, 14, Status.HELD, 0)),
    ),
    "applies a word before the first": (
        "I7",
        "o1",
        ending("3:03", claimed("x"), applied(0, 14, Status.HELD, 0)),
    ),
    "applies for another's part": ("I7", "o1", ending("3:03", claimed("x"), applied(1, 9, Status.HELD, 0))),
    "goes back to a hold": (
        "I3",
        "reservation 14",
        ending("3:03", claimed("x"), applied(1, 14, Status.CONFIRMED, 0), applied(2, 14, Status.HELD, 0)),
    ),
    "keeps what its order gave back": (
        "I1",
        "reservation 14",
        ending("3:03", claimed("x"), applied(1, 14, Status.RELEASED, 0)),
    ),
    "applies once it is final": (
        "I3",
        "reservation 14",
        ending("3:03", claimed("x"), applied(1, 14, Status.RELEASED, 1), applied(2, 14, Status.HELD, 0)),
    ),
    "confirms a part in the shop": (
        "I7",
        "reservation 14",
        ending("3:03", claimed("x"), applied(1, 14, Status.HELD, 0), Confirmed("y", "", 14, instant("9:00"))),
    ),
    "amends a part in the shop": (
        "I7",
        "reservation 14",
        ending(
            "3:03",
            claimed("x"),
            applied(1, 14, Status.HELD, 0),
            Amended("y", "", 14, (("B", 1),), instant("9:00"), 0, ()),
        ),
    ),
    "collects a claim": (
        "I3",
        "reservation 14",
        ending("3:03", claimed("x"), Collected("y", "", 14, (("B", 1),), "p")),
    ),
    "claims more than there is": ("I2", "B at version 14", ending("3:03", claimed("x", units=9))),
    "amends to more than there is": (
        "I2",
        "B at version 14",
        ending("3:03", Amended("x", "", 9, (("B", 9),), instant("9:00"), 0, ())),
    ),
    "gives a place in a slot that there is none of": (
        "I2",
        "the slot of",
        ending("3:03", Amended("x", "", 9, (("B", 1),), instant("9:00"), instant("9:00"), ())),
    ),
    "notes what has not happened": ("I7", "reservation 9", ending("3:03", Acknowledged(((9, 99),)))),
    "loses a record": ("I8", "version 5", lost(ANN_CONFIRMED)),
    "loses the first record": ("I8", "version 2", lost(STOCKED)),
    "writes a record twice": ("I8", "version 8", lambda r: [*r[:BOB_EXPIRED], *r[BOB_EXPIRED - 1 :]]),
    "goes back to an old epoch": (
        "I9",
        "version 4",
        lambda r: [record._replace(epoch=2) if record.version < 4 else record for record in r],
    ),
    "goes back in time": ("I11", "version 3", at(BOB, "0:00")),
    "expires early": ("I11", "reservation 3", at(BOB_EXPIRED, "2:01:59.999")),
    "confirms at the deadline": ("I11", "reservation 2", cut(BOB, Confirmed("x", "", ANN, instant("9:00")))),
    "marks ready at the deadline": ("I11", "reservation 2", altered(ANN_CONFIRMED, expires_at_ms=instant("0:04"))),
    "collects at the deadline": ("I11", "reservation 2", cut(BOB, Collected("x", "", ANN, (("A", 3),), "p"))),
    "collects a part whose lease is over": (
        "I11",
        "reservation 14",
        ending("9:01", claimed("x"), applied(1, 14, Status.HELD, 0), Collected("y", "", 14, (("B", 1),), "p")),
    ),
    "extends at the deadline": ("I11", "reservation 2", cut(BOB, Extended("x", "", ANN, instant("9:00")))),
    "releases at the deadline": (
        "I11",
        "reservation 2",
        cut(BOB, Released("x", "", ANN, (("A", 3),), ReleaseReason.OTHER)),
    ),
    "replaces at the deadline": (
        "I11",
        "reservation 2",
        cut(BOB, Released("", "", ANN, (("A", 3),), ReleaseReason.REPLACED)),
    ),
    "lets a customer hold too many units": (
        "I15",
        "customer dee",
        ending("3:03", adopted(LimitRule("", "", 0, 2)), reserved("x", ("B", 3))),
    ),
    "lets a customer hold too many units over two reservations": (
        "I15",
        "customer dee",
        ending("3:03", adopted(LimitRule("", "B", 0, 3)), reserved("x", ("B", 2)), reserved("y", ("B", 1), ("B", 1))),
    ),
    "lets a customer hold too many units of before the rule": (
        "I15",
        "customer dee",
        ending("3:03", reserved("x", ("B", 3)), adopted(LimitRule("", "", 0, 3)), reserved("y", ("B", 1))),
    ),
    "lets a customer hold too many units by a rule that stayed": (
        "I15",
        "customer dee",
        ending("3:03", adopted(LimitRule("", "", 0, 2)), STAYED, reserved("x", ("B", 3))),
    ),
    "lets a customer hold too many reservations": (
        "I15",
        "customer dee",
        ending("3:03", adopted(LimitRule("web", "", 1, 0)), reserved("x", ("B", 1)), reserved("y", ("A", 1))),
    ),
    "lets an order hold too many units of the whole that it claims through a channel": (
        "I15",
        "customer dee",
        ending("3:03", adopted(LimitRule("web", "", 0, 2)), claimed("x", whole=3)),
    ),
    "lets a customer hold too many units through the channel that a part has now": (
        "I15",
        "customer dee",
        ending(
            "3:03",
            adopted(LimitRule("web", "", 0, 1)),
            claimed("x", channel="app"),
            applied(1, 15, Status.HELD, 0, channel="web"),
            reserved("y", ("B", 1)),
        ),
    ),
}
