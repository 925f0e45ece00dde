"""Where several refusals apply the first of the enum is given: each case is peeled, one cause after the other."""

import pytest
from msgspec.structs import replace

from actors.calendar.hours import Calendar, Duty
from actors.core.policy import DAY_MS, LimitRule, Policy
from actors.core.rejection import UNRECORDED, Reason
from actors.shop.allotments.allotment import LIVE_MAX
from tests.shop.scenario import play
from tests.shop.scenario_text import answer_text, command_of, instant
from tests.shop.watched import DAY_ZERO_MS, Watched

RULES = (LimitRule("", "", 2, 3),)
SLOTS = Calendar(slot_minutes=60, staff=((Duty(0, 1440, 1),),) * 7, pickups_per_staff_hour=1)  # one place an hour
TAKEN = "receive A 2 / reserve ann A 2 / confirm #3 / take #3 as eva"
ALL_WRONG = "reserve ann A 9, Z 1 basket b for 8d"


def told(watched: Watched, text: str, key: str = "") -> str:
    answer = watched.say(command_of(text, key or f"k{watched.ledger.version}"), watched.ledger.time_ms)
    return answer_text(answer.answer).split()[0]


def test_reserve() -> None:
    watched = play(
        """
        at   | said
        0:00 | receive A 5
        0:01 | reserve ann A 1 basket b
        0:01 | confirm #3
        0:02 | reserve ann A 1 basket c
        """,
        Policy(version=1, limit_rules=RULES),
    )
    watched.adopt(Policy(version=2, paused=True, limit_rules=RULES), instant("0:03"))
    told(watched, "safety A 0", "used")
    assert told(watched, ALL_WRONG, "used") == "IDEMPOTENCY_KEY_REUSED"
    assert told(watched, ALL_WRONG) == "STORE_NOT_ACCEPTING"
    watched.adopt(Policy(version=3, limit_rules=RULES), instant("0:04"))
    assert told(watched, ALL_WRONG) == "TTL_TOO_LONG"
    assert told(watched, "reserve ann A 9, Z 1 basket b") == "BASKET_CONFIRMED"
    assert told(watched, "reserve ann A 9, Z 1") == "OPEN_RESERVATIONS_LIMIT"
    told(watched, "release #5")
    assert told(watched, "reserve ann A 9, Z 1") == "UNITS_LIMIT"
    watched.adopt(Policy(version=4), instant("0:05"))
    assert told(watched, "reserve ann A 9, Z 1") == "SKU_NOT_STOCKED"
    assert told(watched, "reserve ann A 9") == "INSUFFICIENT_STOCK"
    assert told(watched, "reserve ann A 4").startswith("#")
    assert watched.complaints() == []


@pytest.mark.parametrize("verb", ["collect", "release"])
def test_collect_and_release(verb: str) -> None:
    watched = play(
        """
        at   | said
        0:00 | receive A 5, B 5
        0:01 | reserve ann A 2, A 1
        0:02 | reserve ann A 1 for 1m
        0:03 | wait
        """
    )
    told(watched, "safety A 0", "used")
    assert told(watched, f"{verb} #9 A 9, B 9", "used") == "IDEMPOTENCY_KEY_REUSED"
    assert told(watched, f"{verb} #99 A 9, B 9") == "RESERVATION_NOT_FOUND"
    assert told(watched, f"{verb} #3 A 9, B 9") == "RESERVATION_EXPIRED"
    assert told(watched, f"{verb} #2 A 9, B 9") == "LINE_NOT_FOUND"
    assert told(watched, f"{verb} #2 B 9, A 9") == "LINE_NOT_FOUND"
    assert told(watched, f"{verb} #2 A 9") == "QUANTITY_EXCEEDS_HELD"
    assert told(watched, f"{verb} #2 A 3").startswith("#2")
    assert told(watched, f"{verb} #2 A 9, B 9") == "TRANSITION_NOT_ALLOWED"


@pytest.mark.parametrize(
    ("command", "wrong"), [("confirm #{}", " within 8d"), ("extend #{} for 1h", ""), ("extend #{} for 8d", "")]
)
def test_confirm_and_extend(command: str, wrong: str) -> None:
    watched = play(
        """
        at   | said
        0:00 | receive A 5
        0:01 | reserve ann A 2
        0:02 | reserve ann A 1 for 1m
        0:03 | release #2
        0:04 | wait
        """
    )
    text = command + wrong
    assert told(watched, text.format(99)) == "RESERVATION_NOT_FOUND"
    assert told(watched, text.format(3)) == "RESERVATION_EXPIRED"
    assert told(watched, text.format(2)) == "TRANSITION_NOT_ALLOWED"
    told(watched, "reserve ann A 1")
    expected = "TTL_TOO_LONG" if "8d" in text else "#"
    assert told(watched, text.format(watched.ledger.version)).startswith(expected)


def test_a_paused_shop_keeps_the_promises_it_made() -> None:
    watched = play("at | said\n 0:00 | receive A 5\n 0:01 | reserve ann A 4")
    watched.adopt(Policy(version=2, paused=True), instant("0:02"))
    assert told(watched, "reserve ann A 1") == "STORE_NOT_ACCEPTING"
    for text in ("extend #2 for 5h", "confirm #2", "ready #2", "collect #2 A 1", "release #2 A 1", "collect #2"):
        assert told(watched, text).startswith("#2"), text
    assert told(watched, "count A 3") == "applied"
    assert watched.complaints() == []


# The smallest page that leads to each reason.
REASONS = {
    Reason.IDEMPOTENCY_KEY_REUSED: "k: safety A 1 / k: safety A 2",
    Reason.RESERVATION_NOT_FOUND: "confirm #1",
    Reason.STORE_NOT_ACCEPTING: "reserve ann A 1",
    Reason.RESERVATION_EXPIRED: "receive A 1 / reserve ann A 1 for 1ms / wait / confirm #3",
    Reason.TRANSITION_NOT_ALLOWED: "receive A 1 / reserve ann A 1 / ready #3",
    Reason.LINE_NOT_FOUND: "receive A 1 / reserve ann A 1 / collect #3 B 1",
    Reason.QUANTITY_EXCEEDS_HELD: "receive A 1 / reserve ann A 1 / collect #3 A 2",
    Reason.TTL_TOO_LONG: "receive A 1 / reserve ann A 1 for 2d",
    Reason.BASKET_CONFIRMED: "receive A 1 / reserve ann A 1 basket b / confirm #3 / reserve ann A 1 basket b",
    Reason.OPEN_RESERVATIONS_LIMIT: "receive A 9 / reserve ann A 1 / reserve ann A 1 / reserve ann A 1",
    Reason.UNITS_LIMIT: "receive A 9 / reserve ann A 4",
    Reason.SKU_NOT_STOCKED: "reserve ann A 1",
    Reason.INSUFFICIENT_STOCK: "receive A 1 / reserve ann A 2",
    Reason.COUNT_TOO_OLD: "wait / receive A 1 / count A 2 as of 0:00",
    Reason.PART_OF_ORDER: "receive A 1 / claim o1 ann A 1 / apply o1 1 HELD until 2:00 / confirm #3",
    Reason.ORDER_UNDECIDED: "receive A 1 / claim o1 ann A 1 / collect #3",
    Reason.CLAIM_ABANDONED: "apply o1 1 RELEASED",
    Reason.SLOT_NOT_OFFERED: "receive A 1 / reserve ann A 1 slot 9:01",
    Reason.SOURCE_GAP: "receive A 1 row 2",
    Reason.ALLOTMENT_NOT_FOUND: "end #1",
    Reason.ALLOTMENT_ENDED: "receive A 1 / allot till:7 A 1 / end #3 / end #3",
    Reason.ALLOTMENTS_LIMIT: " / ".join(["receive A 9999", *["allot till:7 A 1"] * (LIVE_MAX + 1)]),
    Reason.GIVEN_TO_TILL: "receive A 1 / reserve ann A 1 / give #3 to t7 / collect #3 by t8",
    Reason.TRANSFER_NOT_FOUND: "send #9",
    Reason.TRANSFER_STEP_NOT_ALLOWED: "receive A 1 / propose S2 A 1 / send #3 / cancel #3",
    Reason.AWAITS_TRANSFER: "receive A 1 / advise S9:T4 A 3 / reserve ann A 2 / collect #4",
    Reason.LINE_NOT_OFFERED: "receive A 1, B 1 / reserve ann A 2, B 1 waiting 1h",
    Reason.LINE_FULL: "receive A 1 / reserve ann A 2 waiting 1h / reserve bob A 2 waiting 1h",
    Reason.IN_LINE_ALREADY: "receive A 1 / reserve ann A 2 waiting 1h / reserve ann A 2 waiting 1h",
    Reason.SHORTFALL_NOT_FOUND: "resolve #9 RELEASED",
    Reason.SHORTFALL_RESOLVED: " / ".join(["receive A 1", "reserve ann A 1", "sell A 1", *["resolve #6 RELEASED"] * 2]),
    Reason.PICK_TASK_NOT_FOUND: "take #9 as eva",
    Reason.PICK_QUEUE_EMPTY: "take first as eva",
    Reason.PICK_TASK_CLAIMED: TAKEN + " / take #3 as kim",
    Reason.PICK_CLAIM_LOST: TAKEN + " / scan #3 A as kim",
    Reason.PICK_STEP_NOT_ALLOWED: TAKEN + " / shelve #3 as eva",
    Reason.ARTICLE_NOT_ORDERED: TAKEN + " / scan #3 B as eva",
    Reason.PICKED_ALREADY: TAKEN + " / scan #3 A 3 as eva",
    Reason.PICK_INCOMPLETE: TAKEN + " / finish #3 as eva",
    Reason.SUBSTITUTE_NOT_ALLOWED: TAKEN + " / short #3 A 1 for B 1 as eva",
    Reason.QUANTITY_EXCEEDS_COLLECTED: "receive A 2 / reserve ann A 2 / collect #3 A 1 / return #3 A 2",
    Reason.SLOT_FULL: "receive A 2 / reserve ann A 1 slot 9:00 / reserve bob A 1 slot 9:00",
}
# No shop gives them: tests/orders. A grant, too many transfers, hot SKUs: tests/shop/test_grants.py, test_transfers.py,
# test_hot.py.
OTHERS = {
    Reason.NO_STORE_IN_REACH,
    Reason.OPEN_TRANSFERS_LIMIT,
    Reason.HELD_ELSEWHERE,
    *(reason for reason in Reason if reason <= 0),
}


@pytest.mark.parametrize("reason", sorted(set(Reason) - OTHERS), ids=lambda reason: reason.name)
def test_every_reason_is_reached_and_written_down_unless_it_must_not(reason: Reason) -> None:
    paused = reason is Reason.STORE_NOT_ACCEPTING
    policy = Policy(
        version=1, paused=paused, ttl_ms_max=DAY_MS, collect_within_ms=DAY_MS, limit_rules=RULES, calendar=SLOTS
    )
    policy = replace(policy, line_places_max=1, picks=True, promise_in_transit=True)
    watched = Watched(policy)
    answer, records = "", 0
    for minute, text in enumerate(REASONS[reason].split(" / "), start=1):
        at_ms = DAY_ZERO_MS + minute * 1_000
        if text == "wait":
            watched.wait(at_ms)
            continue
        key, _, command = text.rpartition(": ")
        records = len(watched.records)
        answer = answer_text(watched.say(command_of(command, key or f"line {minute}"), at_ms).answer)
    assert answer.split()[0] == reason.name
    assert len(watched.records) - records == (0 if reason in UNRECORDED else 1)
