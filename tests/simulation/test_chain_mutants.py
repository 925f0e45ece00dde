"""Each checker of the chain's worlds sees what it is for: the code is broken on purpose, and some seed must say so."""

import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import pytest
from msgspec.structs import replace

from actors.core.rejection import Reason, Rejection
from actors.journal.port import JournalError
from actors.orders import decide, grants as order_grants, limits as order_limits, parts, transact
from actors.orders.state import Order, OrderLedger
from actors.protocol.messages import LedgerStopped
from actors.runtime.ledger_host import LedgerHost
from actors.shop import decide as shop_decide, decide_claims, preconditions
from actors.shop.commands import Grant
from actors.shop.state import Part
from serve.coordination.grants import Grants
from serve.coordination.reconciler import Reconciler
from tests.runtime.breaking import BreakingJournal
from tests.simulation import order_callers, plain_callers
from tests.simulation.chain_world import ChainWorld
from tests.simulation.checks import Broken
from tests.simulation.test_chain_seeds import run
from tests.simulation.troubles import Troubles

SEEDS_MAX: Final = 100

Break = Callable[[pytest.MonkeyPatch], None]


def _no_limit(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(decide, "over_limit", lambda *_, **__: None)


def _never_expires(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(transact, "due_at_ms", lambda _: 0)


def _forgets_what_it_answered(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(OrderLedger, "remember", lambda *_: None)


def _one_place_too_many(patch: pytest.MonkeyPatch) -> None:
    real = preconditions.slot_refusal

    def generous(ledger: Any, slot_start_ms: int, now_ms: int, replaced: Any) -> Any:
        taken = ledger.slots_taken.get(slot_start_ms, 0)
        return None if taken == 2 else real(ledger, slot_start_ms, now_ms, replaced)

    patch.setattr(decide_claims, "slot_refusal", generous)


def _goes_on_before_it_is_certain(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(parts, "_STATUS_OF", {})  # every word is: give back


def _nobody_settles(patch: pytest.MonkeyPatch) -> None:
    async def nothing(_: Reconciler) -> int:
        return 0

    patch.setattr(Reconciler, "deliver", nothing)
    ask_order = Reconciler._ask_order

    async def of_claims(self: Reconciler, store_id: str, part: Part, deadline: float, *, is_claim: bool) -> None:
        if is_claim:  # calls would wait for ever for what nobody lets go of
            await ask_order(self, store_id, part, deadline, is_claim=is_claim)

    patch.setattr(Reconciler, "_ask_order", of_claims)  # shops ask, once a lease is over


def _nothing_is_cut(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(decide, "reduction", lambda *_: ())
    patch.setattr(decide, "reduction_at_commit", lambda *_: ())


async def _never(_: Troubles) -> None:
    pass


def _the_new_shop_hears_first(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Order, "next_deliveries", Order.undelivered_parts)
    patch.setattr(order_callers, "STEPS", ("amend",))
    patch.setattr(Troubles, "run", _never)
    patch.setattr(ChainWorld, "plain", 0.0)


def _amend_asks_the_shop_alone(patch: pytest.MonkeyPatch) -> None:
    real = shop_decide._decide_amend

    def generous(ledger: Any, command: Any, reservation: Any, now_ms: int) -> Any:
        skus = tuple(sku for sku, _ in command.lines)
        grant = Grant(reservation.grant, ledger.policy.version, 0, skus)
        return real(ledger, replace(command, grant=grant), reservation, now_ms)

    patch.setattr(shop_decide, "_decide_amend", generous)
    patch.setattr(plain_callers, "STEPS", ("amend",))
    patch.setattr(ChainWorld, "plain", 1.0)


def _nobody_reports_a_grant(patch: pytest.MonkeyPatch) -> None:
    async def nothing(*_: Any) -> None:
        pass

    patch.setattr(Grants, "report", nothing)
    patch.setattr(Grants, "settle", nothing)
    patch.setattr(Grants, "_report_later", lambda *_: None)


def _a_count_is_dropped(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(order_limits, "_units", lambda counted, *rest: 0 if isinstance(counted, order_grants.Grant) else 1)


def _nobody_asks_who_is_in_office(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(LedgerHost, "_check_owner", lambda *_: None)


def _checkpoints_fail_in_silence(patch: pytest.MonkeyPatch) -> None:
    real = BreakingJournal.checkpoint

    def silent(journal: BreakingJournal) -> None:
        with suppress(JournalError):
            real(journal)

    patch.setattr(BreakingJournal, "checkpoint", silent)


def _a_passing_no_lasts(patch: pytest.MonkeyPatch) -> None:
    real = shop_decide._allowed

    def lasting(*asked: Any) -> Any:
        answer = real(*asked)
        if isinstance(answer, Rejection) and answer.reason is Reason.ORDER_UNDECIDED:
            return replace(answer, reason=Reason.TRANSITION_NOT_ALLOWED)
        return answer

    patch.setattr(shop_decide, "_allowed", lasting)
    patch.setattr(order_callers, "STEPS", ("collect", "give back"))
    patch.setattr(ChainWorld, "plain", 0.0)


MUTANTS: Final[dict[str, tuple[Break, frozenset[str]]]] = {
    "the limit is not asked": (_no_limit, frozenset({"I15"})),
    "orders never expire": (_never_expires, frozenset({"I12", "I16"})),
    "answers are forgotten": (_forgets_what_it_answered, frozenset({"I5", "I13"})),
    "a place too many": (_one_place_too_many, frozenset({"I2"})),
    "shops give back what is certain": (_goes_on_before_it_is_certain, frozenset({"I7", "I3", "I12"})),
    "what was collected at the old shop is not cut at the new one": (_nothing_is_cut, frozenset({"I15"})),
    "the new shop hears before the old one": (_the_new_shop_hears_first, frozenset({"I15"})),
    "nobody settles": (_nobody_settles, frozenset({"I12", "I16"})),
    "an amendment asks the shop's limits alone": (_amend_asks_the_shop_alone, frozenset({"I15", "I16"})),
    "nobody reports a grant": (_nobody_reports_a_grant, frozenset({"I16"})),
    "what grants hold is not counted": (_a_count_is_dropped, frozenset({"I15"})),
    "nobody asks who is in office": (_nobody_asks_who_is_in_office, frozenset({"I9"})),
    "a checkpoint fails in silence": (_checkpoints_fail_in_silence, frozenset({"L10"})),
    "a passing no lasts": (_a_passing_no_lasts, frozenset({"I4"})),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_broken_part_is_caught(monkeypatch: pytest.MonkeyPatch, mutant: str) -> None:
    broken, caught_by = MUTANTS[mutant]
    broken(monkeypatch)
    found = set()
    for seed in range(SEEDS_MAX):
        try:
            run(seed)
        except Broken as caught:
            found.add(caught.invariant)
            break
        except LedgerStopped as caught:  # a recovery looked first, and names what it found
            found |= set(re.findall(r"invariant='(I\d+)'", str(caught)))
            break
        except (AssertionError, KeyError, RuntimeError) as caught:
            found.add(type(caught).__name__)
            break
    assert found & caught_by, f"{mutant}: {found or 'nobody noticed'}"
