"""Customers' ledgers are verified, and held against the shops: sound ones pass, doctored ones are named."""

from collections.abc import Callable
from typing import Any, Final

import grpc
import pytest
from msgspec.structs import replace

from actors.core.status import ReleaseReason, Status
from actors.journal.codec import encode
from actors.journal.port import JournalDamaged, Record
from actors.orders import events as ev
from actors.orders.state import OrderLedger, Standing
from actors.shop import commands as shop
from actors.shop.part import Part
from actors.shop.state import Ledger
from holdfast.v1 import admin_service_pb2 as ad
from serve.services import verification
from tests.gateway.front import Front
from tests.gateway.orders import CUSTOMERS, HERS, customers, hosted, ordered, say, settle

CODE: Final = grpc.StatusCode


def verified(front: Front, ledger_id: str = HERS) -> Any:
    return front.accept("VerifyLedger", ad.VerifyLedgerRequest(store_id=ledger_id))


def compared(front: Front) -> Any:
    return front.accept("VerifyOrders", ad.VerifyOrdersRequest())


def named(reply: Any) -> set[str]:
    assert reply.holds == (not reply.discrepancies)
    return {row.invariant for row in reply.discrepancies}


def test_a_sound_ledger_of_customers_holds(front: Front) -> None:
    ordered(front, "k1")
    ordered(front, "k2")
    settle(front)
    reply = verified(front)
    assert (reply.holds, reply.store_id, reply.accepted) == (True, HERS, 2)
    assert reply.version == reply.events == customers(front).version
    assert len(reply.state_hash) == 64
    assert verified(front, "S1").holds


def test_a_ledger_of_customers_says_where_it_stands(front: Front) -> None:
    order = ordered(front)
    request = ad.GetLedgerStatusRequest(store_id=HERS)
    status = front.accept("GetLedgerStatus", request)
    assert (status.store_id, status.actor, status.epoch) == (HERS, CUSTOMERS, 1)
    assert (status.version, status.open_reservations, status.outbox) == (customers(front).version, 1, 0)
    say(front, "S1", shop.Collect("c", order.parts[0].reservation, "p", ()))
    assert front.accept("GetLedgerStatus", ad.GetLedgerStatusRequest(store_id="S1")).outbox == 1
    settle(front)
    assert front.accept("GetLedgerStatus", ad.GetLedgerStatusRequest(store_id="S1")).outbox == 0


def test_a_ledger_that_has_not_begun_is_not_begun_by_a_question(front: Front) -> None:
    for _ in range(2):
        assert (verified(front, HERS).holds, verified(front, HERS).version) == (True, 0)
        assert front.accept("GetLedgerStatus", ad.GetLedgerStatusRequest(store_id=HERS)).version == 0
    assert CUSTOMERS not in front.actors.made
    ordered(front)
    other = "customers/0063" if HERS != "customers/0063" else "customers/0062"
    assert verified(front, other).version == 0
    assert front.accept("GetLedgerStatus", ad.GetLedgerStatusRequest(store_id=other)).version == 0
    assert other not in front.actors.disks[CUSTOMERS].records


@pytest.mark.parametrize("wrong", ["customers/0064", "customers/64", "customers/", "customers/00071", "customers/x"])
@pytest.mark.parametrize("method", ["VerifyLedger", "GetLedgerStatus"])
def test_other_names_are_no_ledgers(front: Front, method: str, wrong: str) -> None:
    request = {"VerifyLedger": ad.VerifyLedgerRequest, "GetLedgerStatus": ad.GetLedgerStatusRequest}[method]
    found = front.ask(method, request(store_id=wrong))
    assert (found.code, found.fields) == (CODE.INVALID_ARGUMENT, ["store_id"])


def _forgets_an_answer(ledger: OrderLedger) -> None:
    ledger.answers.told.popitem()  # and not the count


def _holds_more(ledger: OrderLedger) -> None:
    number, order = next(iter(ledger.orders.items()))
    ledger.orders[number] = replace(order, expires_at_ms=order.expires_at_ms + 1)


LIVE_WRONG: Final[dict[str, tuple[Callable[[OrderLedger], object], set[str]]]] = {
    "a state that the journal does not make": (_holds_more, {"I13", "I11"}),
    "an answer that is forgotten": (_forgets_an_answer, {"I13", "I5"}),
    "an index alone": (lambda ledger: ledger.outbox.update({99: None}), {"I7"}),
    "a deadline alone": (lambda ledger: ledger.deadlines.heap.clear(), {"I11"}),
}


@pytest.mark.parametrize("wrong", LIVE_WRONG)
def test_a_live_ledger_that_is_wrong_is_named(front: Front, wrong: str) -> None:
    ordered(front)
    change, invariants = LIVE_WRONG[wrong]
    change(customers(front))
    assert named(verified(front)) == invariants


def test_a_journal_that_says_what_was_not_allowed_is_named(front: Front) -> None:
    """Also where the live ledger was made from it, and so agrees with it."""
    order = ordered(front)
    settle(front)
    disk = front.actors.disks[CUSTOMERS]
    front.actors.kill(CUSTOMERS)
    early = encode([ev.Expired(order.number)])
    last = disk.records[HERS][-1]
    journal = front.actors.journals[CUSTOMERS]
    journal.append([Record(HERS, last.epoch, last.seq + 1, 1, last.at_ms, early)])
    reply = verified(front)
    assert named(reply) == {"I11"}
    assert reply.discrepancies[0].subject == f"order {order.number}"


def test_orders_and_shops_agree_and_what_is_on_its_way_is_no_fault(front: Front) -> None:
    first, second = ordered(front, "k1"), ordered(front, "k2")
    reply = compared(front)
    assert (named(reply), reply.parts, reply.orders, reply.on_the_way) == (set(), 4, 2, 0)
    say(front, "S1", shop.Collect("c", first.parts[0].reservation, "p", ()))
    say(front, "S2", shop.Release("r", second.parts[1].reservation, ReleaseReason.NO_SHOW, ()))
    reply = compared(front)
    assert (named(reply), reply.on_the_way) == (set(), 4)  # seen from both sides
    settle(front)
    reply = compared(front)
    assert (named(reply), reply.on_the_way, list(reply.left_out)) == (set(), 0, [])


def test_a_claim_of_an_order_that_is_being_decided_is_on_its_way(front: Front) -> None:
    order = ordered(front)
    part = order.parts[0]
    ledger = customers(front)
    ledger.orders[order.number] = replace(
        order,
        standing=Standing.OPEN,
        open_attempt=1,
        decide_by_ms=1,
        parts=(replace(part, reservation=0, applied_revision=0),),
    )
    other = hosted(front, "store-S2", "S2")
    other.reservations.clear()
    reply = compared(front)
    assert (named(reply), reply.parts, reply.orders, reply.on_the_way) == (set(), 1, 0, 1)


def _no_order(order: Any, ledger: OrderLedger, _shop: Ledger) -> None:
    del ledger.orders[order.number]
    del ledger.customers[order.customer_id]


def _no_part(order: Any, ledger: OrderLedger, _shop: Ledger) -> None:
    _rewrite(order, ledger, attempt=2)


def _rewrite(order: Any, ledger: OrderLedger, **changes: Any) -> None:
    mine = ledger.orders[order.number]
    ledger.orders[order.number] = replace(mine, parts=(replace(mine.parts[0], **changes), *mine.parts[1:]))


def _part_is_gone(order: Any, _ledger: OrderLedger, shop_: Ledger) -> None:
    gone = shop_.reservations.pop(order.parts[0].reservation)
    assert gone.part is not None
    del shop_.holders[gone.part.holder]


def _in_the_shop(order: Any, shop_: Ledger, **changes: Any) -> None:
    number = order.parts[0].reservation
    shop_.reservations[number] = replace(shop_.reservations[number], **changes)


def _applied_nothing(order: Any, _ledger: OrderLedger, shop_: Ledger) -> None:
    part = shop_.reservations[order.parts[0].reservation].part
    assert part is not None
    _in_the_shop(order, shop_, part=Part(part.holder, 0))


def _nobody_owes_it(order: Any, _ledger: OrderLedger, shop_: Ledger) -> None:
    _in_the_shop(order, shop_, status=Status.COLLECTED, version=shop_.version + 1)


WRONG: Final[dict[str, tuple[Callable[[Any, OrderLedger, Ledger], None], str, str]]] = {
    "a shop's part without an order": (_no_order, "S1:", "no order"),
    "a shop's part that its order does not have": (_no_part, "S1:", "the order has no such part"),
    "an order's part that its shop lost": (_part_is_gone, "in S1", "none"),
    "a shop older than what was heard of it": (
        lambda order, ledger, _: _rewrite(order, ledger, version=9_999),
        "in S1",
        "version ",
    ),
    "a part under another number": (
        lambda order, ledger, _: _rewrite(order, ledger, reservation=77),
        "in S1",
        "reserv",
    ),
    "over for its order, live in its shop": (
        lambda order, ledger, _: _rewrite(order, ledger, status=Status.RELEASED, held=(0,)),
        "S1:",
        "RELEASED, held (0,)",
    ),
    "other units": (
        lambda order, ledger, _: _rewrite(order, ledger, held=(0,), collected=(1,)),
        "S1:",
        "HELD, held (0",
    ),
    "other goods": (lambda order, ledger, _: _rewrite(order, ledger, lines=(("B", 1),)), "S1:", "lines (('A'"),
    "a revision that its shop never applied": (
        _applied_nothing,
        "S1:",
        "revision 0",
    ),
    "an end in the shop that nobody tells": (_nobody_owes_it, "S1:", "it heard "),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_orders_and_shops_that_contradict_are_named(front: Front, wrong: str) -> None:
    order = ordered(front)
    settle(front)
    assert compared(front).holds
    change, subject, found = WRONG[wrong]
    change(order, customers(front), hosted(front, "store-S1", "S1"))
    reply = compared(front)
    assert named(reply) == {"I22"}
    assert any(subject in row.subject and found in row.found for row in reply.discrepancies), reply


def test_a_restart_from_an_older_copy_of_the_customers_is_named(front: Front) -> None:
    """What an operator meets who restores one journal and not the others."""
    ordered(front, "k1")
    settle(front)
    assert compared(front).holds
    front.actors.kill(CUSTOMERS)
    del front.actors.disks[CUSTOMERS]  # a copy from before her first order
    reply = compared(front)
    assert named(reply) == {"I22"}
    assert {row.found for row in reply.discrepancies} == {"no order"}


def test_pages_are_all_compared(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verification, "COMPARED_MAX", 2)
    for number in range(5):
        ordered(front, f"k{number}")
    reply = compared(front)
    assert (reply.holds, reply.parts, reply.orders) == (True, 10, 5)


def test_what_is_told_is_bounded(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verification, "DISCREPANCIES_MAX", 3)
    for number in range(5):
        ordered(front, f"k{number}")
    customers(front).orders.clear()
    customers(front).customers.clear()
    assert len(compared(front).discrepancies) == 3


@pytest.mark.parametrize("stopped", ["S2", HERS])
def test_what_is_stopped_is_left_out_by_name(front: Front, stopped: str) -> None:
    ordered(front)
    actor = CUSTOMERS if stopped == HERS else "store-S2"
    process: Any = front.actors._actors[actor]
    del process.host._hosted[stopped]
    process.host._damaged[stopped] = JournalDamaged(stopped, "seq 1", "by a test")
    reply = compared(front)
    assert (reply.holds, list(reply.left_out)) == (True, [stopped])
    assert front.ask("VerifyLedger", ad.VerifyLedgerRequest(store_id=stopped)).code is CODE.DATA_LOSS


def test_ledgers_that_no_part_refers_to_are_left_out_by_name_too(front: Front) -> None:
    ordered(front)
    host: Any = front.actors._actors[CUSTOMERS].host  # type: ignore[union-attr]
    host._damaged["customers/0000"] = JournalDamaged("customers/0000", "seq 1", "by a test")
    assert list(compared(front).left_out) == ["customers/0000"]
    host.stop_all(JournalDamaged("(all)", "the file", "by a test"))
    assert list(compared(front).left_out) == [CUSTOMERS]


def test_a_release_that_a_shop_has_not_heard_is_on_its_way(front: Front) -> None:
    order = ordered(front)
    ledger = customers(front)
    mine = ledger.orders[order.number]
    ledger.orders[order.number] = replace(
        mine, standing=Standing.RELEASED, reason=ReleaseReason.OTHER, revision=mine.revision + 1
    )
    _part_is_gone(order, ledger, hosted(front, "store-S1", "S1"))
    reply = compared(front)
    assert (named(reply), reply.on_the_way) == (set(), 1)
