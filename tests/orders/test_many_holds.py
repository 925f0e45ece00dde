"""A customer with ten thousand holds, a marketplace, is decided for by looking at as little as for any other."""

from collections.abc import Iterator
from typing import Any, Final

import pytest
from msgspec.structs import force_setattr

from actors.core.policy import DAY_MS, ChainLimitRule, Policy
from actors.core.rejection import Reason, Rejection
from actors.core.status import ReleaseReason, Status
from actors.orders import commands as cm, grants, indexes, limits
from actors.orders.events import Granted, GrantReported
from actors.orders.evolve import evolve
from actors.orders.invariants import check
from actors.orders.state import OrderLedger
from actors.orders.transact import transact
from actors.shop.commands import Grant
from tests.shop.watched import DAY_ZERO_MS

HOLDS: Final = 10_000
LOOKED_AT_MAX: Final = 6  # by a decision and what it changes
RULES: Final = (ChainLimitRule("", "", HOLDS + 5, 0, 0), ChainLimitRule("", "A", 0, HOLDS + 6, DAY_MS))


class Looks:
    """How many orders, grants and rows were looked at."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.count = 0
        real, outstanding = limits.share_of, grants.Grant.outstanding
        for module in (limits, indexes):
            patch.setattr(module, "share_of", lambda counted: self._seen(real(counted)))
        patch.setattr(grants.Grant, "outstanding", lambda grant: self._seen(outstanding(grant)))

    def _seen(self, found: Any) -> Any:
        self.count += 1
        return found


@pytest.fixture(name="ledger", scope="module")
def made_ledger() -> OrderLedger:
    """Ten thousand holds of one unit by grants, the first of which collected it."""
    ledger = OrderLedger("customers/0007")
    ledger.policy = Policy(version=3, chain_limit_rules=RULES)
    for number in range(1, HOLDS + 1):
        at_ms = DAY_ZERO_MS + number
        evolve(ledger, Granted(request(f"k{number}", basket_id=f"b{number}"), 0, 0), at_ms)
        evolve(ledger, GrantReported(cm.ReportGrant(ledger.version, number, 1, (("A", 1),), ())), at_ms)
    return ledger


def request(key: str, **fields: Any) -> cm.RequestGrant:
    lines = (("A", 1),)
    return cm.RequestGrant("ann", "web", "S1", key, fields.pop("basket_id", ""), lines, lines, **fields)


def test_a_decision_does_not_look_at_what_counts(ledger: OrderLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    now_ms = DAY_ZERO_MS + DAY_MS // 2

    def say(command: cm.Command) -> Any:
        answer = transact(ledger, command, now_ms).answer
        return answer and answer.answer

    assert isinstance(say(request("first")), Grant), "adds it all up"
    looks = Looks(monkeypatch)
    plan = cm.Plan("S2", (("A", 2),), 0)
    asked = cm.Open("o", "x" * 24, "ann", "web", 0, (plan,), (), "")
    first = ledger.grants.of_basket(request("other", basket_id="b77"))
    assert first is not None
    commands: dict[str, cm.Command] = {
        "a grant": request("k"),
        "what an amendment replaces": request("l", replaces=first.number, reservation=77),
        "the same basket again": request("m", basket_id="b78"),
        "an order": cm.Place(10**17, asked, (1,)),
        "a step": cm.Release("r", 10**17, ReleaseReason.OTHER),
        "a report": cm.ReportGrant(first.number, 77, 2, (("A", 1),), ()),
        "an end": cm.ReportGrant(first.number, 77, 3, (), (("A", 1),)),
        "an order that is over": cm.Report(10**17, "S2", 1, 2, 1, 5, Status.COLLECTED, (0,), (2,)),
        "a hold from before": cm.CountHold("ann", "web", "S1", "", 78, 2, (("A", 1),), ()),
        "a refusal": request("n"),
    }
    for what, command in commands.items():
        before = looks.count
        answer = say(command)
        assert not isinstance(answer, Rejection) or what == "a refusal", (what, answer)
        assert looks.count - before <= LOOKED_AT_MAX, what
    assert isinstance(answer, Rejection)
    assert answer.reason is Reason.ORDER_UNDECIDED
    monkeypatch.undo()
    assert check(ledger) == []
    now_ms += DAY_MS  # what was collected does not count any more
    assert isinstance(say(request("p")), Grant)
    assert check(ledger) == []


class Unwalked(tuple[ChainLimitRule, ...]):
    """Rules that nobody goes through."""

    __slots__ = ()

    def __iter__(self) -> Iterator[ChainLimitRule]:
        pytest.fail("all rules are looked at")


def test_a_line_does_not_look_at_the_rules_of_other_skus() -> None:
    rules = tuple(ChainLimitRule("", f"sku {number}", 0, 1, 0) for number in range(100))
    policy = Policy(version=3, chain_limit_rules=rules)
    assert policy.chain_limits_for("web", "sku 7") == rules[7:8]
    force_setattr(policy, "chain_limit_rules", Unwalked(rules))
    assert policy.chain_limits_for("web", "sku 8") == rules[8:9]
    assert not policy.chain_limits_for("web", "sku of another shop")
