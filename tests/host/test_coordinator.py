"""Of two that drive one call, both give its first answer: what has happened to the order since is none of it."""

from actors.coordinator import just_committed
from actors.ledger.lifecycle import Status
from actors.orders import commands as cm
from actors.orders.state import Order, OrderLedger
from actors.orders.transact import transact

NUMBER = 1
OPEN = cm.Open("key", "content", "ann", "web", 0, (cm.Plan("367", (("apple", 1),), 0),), (), "")


def test_an_order_is_just_committed_until_its_shops_or_its_caller_go_on() -> None:
    ledger = OrderLedger("customers/0007")

    def said(command: cm.Command) -> Order:
        answer = transact(ledger, command, 1_000).answer
        assert isinstance(answer, Order)
        return answer

    was_open = said(OPEN)
    assert not just_committed(was_open, was_open)
    commit = cm.Commit(NUMBER, 1, (("367", 5),), cm.NO_HOURS)
    first = said(commit)
    assert just_committed(was_open, first)
    assert said(OPEN) == first
    assert just_committed(was_open, said(commit)), "nothing has happened in between"

    said(cm.Note(NUMBER, "367", 1, first.revision, 5, 6, Status.HELD, (1,), (0,)))
    assert said(commit) != first
    assert not just_committed(was_open, said(commit)), "a shop has heard of it"
    assert said(OPEN) == first, "its key knows the first answer"
    assert not just_committed(was_open, said(cm.Confirm("confirm", NUMBER, 0, cm.NO_HOURS)))


def test_an_attempt_that_was_let_go_of_is_not_committed() -> None:
    ledger = OrderLedger("customers/0007")
    was_open = transact(ledger, OPEN, 1_000).answer
    assert isinstance(was_open, Order)
    again = transact(ledger, cm.Replan(NUMBER, 1, (cm.Plan("406", (("apple", 1),), 0),), ()), 1_000).answer
    assert isinstance(again, Order)
    assert not just_committed(was_open, again)
    committed = transact(ledger, cm.Commit(NUMBER, 2, (("406", 5),), cm.NO_HOURS), 1_000).answer
    assert isinstance(committed, Order)
    assert just_committed(again, committed)
    assert not just_committed(was_open, committed)
