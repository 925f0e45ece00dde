"""The result: one document with everything that was promised to be in it, told to people and kept for machines."""

from collections import Counter
from dataclasses import replace
from io import StringIO
from types import SimpleNamespace
from typing import Any, cast

import orjson
import pytest
from rich.console import Console

from bench.demo.calls import Answers, Repeated
from bench.demo.feed import Contest, FeedCheck, Outage, Sentences
from bench.demo.flash import CONFIRMED, REQUESTS, UNITS as UNITS_OF_SALE, FlashSale
from bench.demo.line import WAITING
from bench.demo.messages import KILLS, Messages
from bench.demo.pickups import ACTOR_KILLS, Pickups
from bench.demo.plan import Across
from bench.demo.proof import Proof, examine_shops
from bench.demo.report import OF_SHOPS, WORDS, Beside, document, tell
from bench.demo.run import Act, Killed, Phases, outages_of
from bench.demo.tills import OfflineTill
from bench.demo.transfers import SHORT, TRANSFERS, UNITS, Moved, moves_between
from bench.workload import Workload, seeded_workload
from holdfast.client import ChannelClient, Verification
from tests.bench import history
from tests.bench.history import END, HELD, SHORT_OF_PEARS, STORE
from tests.bench.order_history import Tampered

MACHINE = {
    "cpu": "any",
    "cores": 2,
    "memory_gib": 4,
    "kernel": "6",
    "python": "3.11",
    "ray": "2.60",
    "grpc": "1.85",
    "date": "today",
}
SOUND = Verification(STORE, 9, True, (), 9, 2, 1, 0, 0, "hash")


@pytest.fixture
def workload() -> Workload:
    return seeded_workload(7, 3)


def _told() -> Act:
    # The log is all that is read of it: nobody is asked anything here.
    answers = Answers(cast("ChannelClient", None))
    answers.log.extend(history.answers())
    answers.repeats.append(Repeated(history.answers()[1].call, HELD, HELD, same_content=True))
    contests = [Contest(STORE, "apple", 1, 5, accepted=1)]
    return Act(answers, contests, seconds=1.0, calls=9)


TILL = OfflineTill(50, 8, 300, 42, 10, 0, 0, True)


def _proof(told: Act, *audits: Verification) -> Proof:
    check = FeedCheck(told.answers.log, {})
    for event in history.events():
        check.see(event)
    check.finish(END)
    check.turns.waited.update(str(number) for number in range(WAITING))
    check.turns.served.update(check.turns.waited)
    check.turns.kept_out = 1
    examine_shops(check.of_shops, told.answers, told.contests, audits or (SOUND,))
    ended = Counter(each.status for each in END.reservations.values())
    of_orders, shops_of = Tampered().examined()
    check.of_orders = of_orders.of_orders
    return Proof(0, check, ended, audits or (SOUND,), shops_of, {})


PICKUPS = Pickups(
    orders=100,
    tasks=100,
    handed_over=84,
    codes_scanned=50,
    no_shows=12,
    returns=8,
    shorts={"SUBSTITUTE": 5, "LATER": 5, "WITHOUT": 9},
    double_taps=20,
    actor_kills=ACTOR_KILLS,
    ready_to_till_ms_p99=20.0,
    holds_in_ledger=True,
)
MESSAGES = Messages(customers=100, expected=296, due=296, sent=295, unknown=1, kills=KILLS, holds_in_journal=True)
MOVED = Moved(transfers=TRANSFERS, short=5, units_sent=160, units_received=150, units_short=10)

FLASH = FlashSale(
    sold=UNITS_OF_SALE,
    accepted=UNITS_OF_SALE,
    requests=REQUESTS,
    ordinary_before=1,
    ordinary_during=1,
    hot_after_ms=1.0,
    confirmed=CONFIRMED,
)


def _result(
    workload: Workload,
    told: Act,
    proof: Proof,
    moved: Moved = MOVED,
    pickups: Pickups = PICKUPS,
    messages: Messages = MESSAGES,
) -> dict[str, Any]:
    plan, beside = Across((), (), (), "367"), Beside(TILL, moved, FLASH, pickups, messages)
    return document(workload, plan, told, _told_across(), beside, proof, machine=MACHINE, seconds=1.5)


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


def _told_across() -> Act:
    answers = Answers(cast("ChannelClient", None))
    tampered = Tampered()
    answers.log.extend(tampered.log)
    answers.repeats.extend(tampered.repeats)
    killed = [Killed("customer actors", 1_200.0, Outage(1, 2)), Killed("gateway", 2_300.0, Outage(3, 4))]
    contests = [Contest("367", 1, callers=14, units=3, accepted=3)]
    return Act(answers, contests, killed, seconds=2.0)


def test_orders_over_several_shops_are_in_the_document_and_told(workload: Workload) -> None:
    told = _told()
    result: dict[str, Any] = orjson.loads(orjson.dumps(_result(workload, told, _proof(told))))
    across = result["across"]
    promised = {"split_orders": 1, "partly_placed": 0, "limit_exceeded": 0, "slots_over_capacity": 0, "answers_lost": 0}
    assert promised.items() <= across.items()
    assert [each["role"] for each in across["killed"]] == ["customer actors", "gateway"]
    limited = {"channel", "sku", "open_reservations_max", "units_max", "collected_counts"}
    assert [set(limit) for limit in across["limits"]] == [limited, limited]
    assert result["verdict"]["holds"]
    text = _text(result)
    assert "HOLDS" in text
    assert "gateway: back after 2.30 s" in text


@pytest.mark.parametrize("broken", WORDS)
def test_what_breaks_across_shops_breaks_the_whole(workload: Workload, broken: str) -> None:
    told = _told()
    proof = _proof(told)
    proof.check.of_orders.add(broken, "this is why")
    result = _result(workload, told, proof)
    assert not result["verdict"]["holds"]
    assert "this is why" in _text(result)


@pytest.mark.parametrize("broken", OF_SHOPS)
def test_any_single_breach_in_a_shop_fails_the_verdict(workload: Workload, broken: str) -> None:
    told = _told()
    proof = _proof(told)
    proof.check.of_shops.add(broken, "this is why")
    verdict = _result(workload, told, proof)["verdict"]
    assert (verdict["holds"], verdict[broken]) == (False, 1)


@pytest.mark.parametrize("broken", ["units_missing", "repeats_differing", "transfers", "short"])
def test_what_breaks_among_transfers_breaks_the_whole(workload: Workload, broken: str) -> None:
    told = _told()
    moved = replace(MOVED, findings=Sentences(["this is why"]))
    setattr(moved, broken, 1)
    result = _result(workload, told, _proof(told), moved)
    assert not result["verdict"]["holds"]
    assert result["transfers"][broken] == 1
    assert "this is why" in _text(result)
    assert _result(workload, told, _proof(told))["transfers"]["units_missing"] == 0


@pytest.mark.parametrize(
    "broken",
    [
        *("codes_used_twice", "repeats_differing", "till_events_missing", "tasks_owned_twice", "tasks_left"),
        *("double_taps_differing", "steps_twice", "steps_missing", "units_missing", "refused"),
        *("orders", "tasks", "handed_over", "codes_scanned", "no_shows", "returns", "double_taps", "actor_kills"),
    ],
)
def test_what_breaks_at_the_counter_breaks_the_whole(workload: Workload, broken: str) -> None:
    told = _told()
    pickups = replace(PICKUPS, findings=Sentences(["this is why"]))
    setattr(pickups, broken, 1)
    result = _result(workload, told, _proof(told), pickups=pickups)
    assert not result["verdict"]["holds"]
    assert result["pickup"][broken] == 1
    assert "this is why" in _text(result)
    assert _result(workload, told, _proof(told))["pickup"]["holds"]


@pytest.mark.parametrize("broken", ["twice", "missing", "unasked", "lost", "kills", "due", "sent"])
def test_who_is_not_told_or_twice_breaks_the_whole(workload: Workload, broken: str) -> None:
    told = _told()
    messages = replace(MESSAGES, findings=Sentences(["this is why"]))
    setattr(messages, broken, 1)
    result = _result(workload, told, _proof(told), messages=messages)
    assert not result["verdict"]["holds"]
    assert result["messages"][broken] == 1
    assert (result["pickup"]["messages_twice"], result["pickup"]["messages_missing"]) == (
        messages.twice,
        messages.missing,
    )
    assert "this is why" in _text(result)
    assert _result(workload, told, _proof(told))["messages"]["holds"]


def test_who_is_not_served_or_out_of_turn_breaks_the_whole(workload: Workload) -> None:
    told = _told()
    proof = _proof(told)
    assert _result(workload, told, proof)["line"].items() >= {"served": WAITING, "out_of_turn": 0}.items()
    proof.check.turns.out_of_turn.append("this is why")
    result = _result(workload, told, proof)
    assert (result["line"]["out_of_turn"], result["verdict"]["holds"]) == (1, False)
    assert "this is why" in _text(result)
    proof.check.turns.out_of_turn.clear()
    proof.check.turns.kept_out = 0
    assert not _result(workload, told, proof)["verdict"]["holds"]
    proof.check.turns.kept_out = 1
    proof.check.turns.served.pop()
    assert not _result(workload, told, proof)["verdict"]["holds"]


@pytest.mark.parametrize("actors", [1, 2])
def test_transfers_go_both_ways_between_actors_and_some_come_short(actors: int) -> None:
    def status(number: int) -> Any:
        return SimpleNamespace(actor=f"stores-{number % actors}")

    moves = moves_between({f"S{number}": status(number) for number in range(5)})
    assert (len(moves), sum(move.came < UNITS for move in moves)) == (TRANSFERS, SHORT)
    assert len({move.sku for move in moves}) == TRANSFERS
    assert all(move.source != move.destination for move in moves)
    assert {move.source for move in moves} & {move.destination for move in moves}


def test_a_run_that_split_no_order_fails(workload: Workload) -> None:
    told = _told()
    proof = replace(_proof(told), shops_of={"0007/1": 1})
    assert not _result(workload, told, proof)["verdict"]["holds"]


def test_while_the_gateway_is_dead_no_shop_hears_that_an_order_expired() -> None:
    assert outages_of(["367", "406"], _told_across().kills) == {
        store_id: [Outage(1, 2), Outage(3, 4)] for store_id in ("367", "406")
    }


def test_what_the_audit_of_a_shop_finds_oversold_counts(workload: Workload) -> None:
    told = _told()
    audited = Verification(STORE, 9, False, (), 9, 2, 1, 0, 3, "hash")
    verdict = _result(workload, told, _proof(told, audited))["verdict"]
    assert verdict["oversold"] == 3
    assert verdict["conservation"] != "holds"


def test_a_phase_is_two_lines_where_there_is_no_terminal() -> None:
    out = StringIO()
    with Phases(Console(file=out)).phase("Counting", 2) as tick:
        tick(2)
    first, second = out.getvalue().splitlines()
    assert first == "Counting ..."
    assert "2/2" in second


def test_phases_are_bars_on_a_terminal() -> None:
    out = StringIO()
    with Phases(Console(file=out, force_terminal=True, width=120)).phase("Counting", 2) as tick:
        tick(2)
    assert "2/2" in out.getvalue()


@pytest.mark.parametrize(
    "wrong",
    [
        {"sold": UNITS_OF_SALE - 1},
        {"sold": UNITS_OF_SALE + 1, "accepted": UNITS_OF_SALE + 1},
        {"requests": REQUESTS - 1},
        {"hot_after_ms": 0.0},
        {"confirmed": 0},
        {"ordinary_during": 0},
        {"over_limit": 1},
        {"findings": ["flash-00 does not verify"]},
    ],
)
def test_a_flash_sale_that_went_wrong_does_not_hold(wrong: dict[str, Any]) -> None:
    assert FLASH.holds
    assert not replace(FLASH, **wrong).holds
