"""Of two that drive one call, both give its first answer: what has happened to the order since is none of it."""

import asyncio
from typing import Any

import pytest

from actors.core.ids import ledger_of_customer
from actors.core.rejection import Reason, Rejection
from actors.core.status import Status
from actors.orders import commands as cm
from actors.orders.state import Order, OrderLedger, Standing
from actors.orders.transact import transact
from actors.protocol.messages import Refusal
from serve.coordination.coordinator import Coordinator, just_committed
from serve.routing.batcher import DeadlinePassed, Overloaded
from tests.orders.watched import Watched
from tests.runtime.routed import Routed, Run
from tests.runtime.runtime_fixture import WAIT_S, ManualClock

NUMBER = 1
OPEN = cm.Open("key", "content", "ann", "web", 0, (cm.Plan("367", (("apple", 1),), 0),), (), "")


def test_an_order_is_just_committed_until_its_shops_or_its_caller_go_on() -> None:
    watched = Watched()

    def said(command: cm.Command) -> Order:
        answer = watched.say(command, 1_000).answer
        assert isinstance(answer, Order)
        return answer

    was_open = said(OPEN)
    assert not just_committed(was_open, was_open)
    commit = cm.Commit(NUMBER, 1, (("367", 5),), cm.NO_HOURS)
    first = said(commit)
    assert just_committed(was_open, first)
    assert said(OPEN) == first
    assert just_committed(was_open, said(commit)), "nothing has happened in between"

    said(cm.Report(NUMBER, "367", 1, first.revision, 5, 6, Status.HELD, (1,), (0,)))
    assert said(commit) != first
    assert not just_committed(was_open, said(commit)), "a shop has heard of it"
    assert said(OPEN) == first, "its key knows the first answer"
    assert not just_committed(was_open, said(cm.Confirm("confirm", NUMBER, 0, cm.NO_HOURS)))


def test_an_attempt_that_was_let_go_of_is_not_committed() -> None:
    ledger = OrderLedger("customers/0007")
    was_open = transact(ledger, OPEN, 1_000).answer.answer
    assert isinstance(was_open, Order)
    again = transact(ledger, cm.Replan(NUMBER, 1, (cm.Plan("406", (("apple", 1),), 0),), ()), 1_000).answer.answer
    assert isinstance(again, Order)
    assert not just_committed(was_open, again)
    committed = transact(ledger, cm.Commit(NUMBER, 2, (("406", 5),), cm.NO_HOURS), 1_000).answer.answer
    assert isinstance(committed, Order)
    assert just_committed(again, committed)
    assert not just_committed(was_open, committed)


def test_an_order_that_another_call_is_changing_already_is_nobodys_first_answer() -> None:
    """As of the commit it looks the same, but its open parts are the other call's."""
    ledger = OrderLedger("customers/0007")
    was_open = transact(ledger, OPEN, 1_000).answer.answer
    assert isinstance(was_open, Order)
    committed = transact(ledger, cm.Commit(NUMBER, 1, (("367", 5),), cm.NO_HOURS), 1_000).answer.answer
    assert isinstance(committed, Order)
    more = cm.Amend("amend", "content", NUMBER, (cm.Plan("406", (("apple", 1),), 0),), 0)
    changing = transact(ledger, more, 1_000).answer.answer
    assert isinstance(changing, Order)
    assert (changing.open_attempt, changing.key) == (2, "\n1\namend")
    assert not just_committed(was_open, changing)


@pytest.mark.parametrize(("units", "reserved"), [(10, 10), (11, 0)])
def test_no_plan_for_a_call_that_is_under_way_is_no_answer_to_it(on_the_way: Run, units: int, reserved: int) -> None:
    """Its first gateway is gone. The next one finds nothing left, perhaps because the call itself has claimed it."""
    none_in_reach = Rejection(Reason.NO_STORE_IN_REACH)
    opened = cm.Open("key", "content", "ann", "web", 0, (cm.Plan("S1", (("A", units),), 0),), (), "")

    async def test(routed: Routed) -> None:
        coordinator, ledger_id = Coordinator(routed.router, ManualClock()), ledger_of_customer("ann")
        deadline = asyncio.get_running_loop().time() + WAIT_S
        [(first, _)] = routed.router.submit([ledger_id], [(ledger_id, (opened))], deadline, promise=False)
        await first
        answer = await coordinator.refuse(cm.Refuse("key", "content", "ann", none_in_reach), deadline)
        if reserved:
            assert isinstance(answer, Order)
            assert (answer.standing, [part.store_id for part in answer.certain_parts()]) == (Standing.HELD, ["S1"])
        else:
            assert answer == none_in_reach
        assert (await routed.on_hand("S1"))[:2] == (10, reserved)
        assert await coordinator.open(opened, deadline) == answer

    on_the_way(test)


def test_a_call_that_was_asked_once_is_not_refused_as_if_nothing_had_been_done(on_the_way: Run) -> None:
    """Its first copy may have begun the order, of which a second one heard that it is undecided."""
    opened = cm.Open("key", "content", "ann", "web", 0, (cm.Plan("S1", (("A", 1),), 0),), (), "b")
    undecided = Refusal(0, Rejection(Reason.ORDER_UNDECIDED))

    async def test(routed: Routed, monkeypatch: pytest.MonkeyPatch) -> None:
        answers: list[Refusal | Overloaded] = [undecided, Overloaded()]

        async def send(*_args: Any, **_named: Any) -> Refusal:
            answer = answers.pop(0)
            if isinstance(answer, Overloaded):
                raise answer
            return answer

        monkeypatch.setattr(routed.router, "send", send)
        deadline = asyncio.get_running_loop().time() + WAIT_S
        with pytest.raises(DeadlinePassed):
            await Coordinator(routed.router, ManualClock()).open(opened, deadline)
        answers = [Overloaded()]
        with pytest.raises(Overloaded):
            await Coordinator(routed.router, ManualClock()).open(opened, deadline)

    with pytest.MonkeyPatch.context() as monkeypatch:
        on_the_way(lambda routed: test(routed, monkeypatch))
