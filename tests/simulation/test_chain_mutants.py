"""Each checker of the chain's worlds sees what it is for: the code is broken on purpose, and some seed must say so."""

import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import pytest
from msgspec.structs import replace

from actors.core.policy import Policy
from actors.core.rejection import Reason, Rejection
from actors.core.status import Status
from actors.journal.port import Head, JournalError, Phase, Whereabouts
from actors.orders import (
    commands as order_commands,
    decide,
    grants as order_grants,
    limits as order_limits,
    parts,
    transact,
)
from actors.orders.answers import OrderAnswers
from actors.orders.state import Order, Part as OrderPart
from actors.protocol.messages import Held, LedgerStopped, Refusal
from actors.runtime.group_commit import GroupCommit
from actors.runtime.moving import Moving
from actors.runtime.refusals import Refusals
from actors.shop import decide as shop_decide, decide_claims, preconditions
from actors.shop.commands import Claim, Grant, by_sku
from actors.shop.decide_amend import decide_amend
from actors.shop.part import Part
from serve.coordination.coordinator import Coordinator
from serve.coordination.grants import Grants
from serve.coordination.reconciler import Reconciler
from serve.routing.batcher import DeadlinePassed
from serve.routing.router import Router
from serve.wire import orders as wire_orders
from tests.journal.memory import MemoryJournal
from tests.runtime.breaking import BreakingJournal
from tests.simulation import order_callers, plain_callers
from tests.simulation.chain_world import ChainWorld
from tests.simulation.checks import Broken
from tests.simulation.cut_off_world import CutOffWorld
from tests.simulation.findings import causes_of
from tests.simulation.gateways import Gateway
from tests.simulation.test_chain_seeds import run
from tests.simulation.troubles import Troubles

SEEDS_MAX: Final = 100

Break = Callable[[pytest.MonkeyPatch], None]


def _no_limit(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(decide, "over_limit", lambda *_, **__: None)


def _never_expires(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(transact, "due_at_ms", lambda _: 0)


def _forgets_what_it_answered(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(OrderAnswers, "get", lambda *_: None)


def _one_place_too_many(patch: pytest.MonkeyPatch) -> None:
    real = preconditions.slot_refusal

    def generous(ledger: Any, slot_start_ms: int, now_ms: int, replaced: Any, without: Any) -> Any:
        taken = ledger.slots_taken.get(slot_start_ms, 0)
        return None if taken == 2 else real(ledger, slot_start_ms, now_ms, replaced, without)

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
    real = decide_amend

    def generous(ledger: Any, command: Any, reservation: Any, now_ms: int, without: Any) -> Any:
        skus = tuple(sku for sku, _ in command.lines)
        grant = Grant(reservation.grant, ledger.policy.version, 0, skus)
        return real(ledger, replace(command, grant=grant), reservation, now_ms, without)

    patch.setattr(shop_decide, "decide_amend", generous)
    patch.setattr(plain_callers, "STEPS", ("amend",))
    patch.setattr(ChainWorld, "plain", 1.0)


def _nobody_reports_a_grant(patch: pytest.MonkeyPatch) -> None:
    async def nothing(*_: Any) -> None:
        pass

    patch.setattr(Grants, "report", nothing)
    patch.setattr(Grants, "settle", nothing)
    patch.setattr(Grants, "report_later", lambda *_: None)


def _a_count_is_dropped(patch: pytest.MonkeyPatch) -> None:
    real = order_limits.share_of

    def blind(counted: Any) -> Any:
        share = real(counted)
        return share._replace(units={}) if isinstance(counted, order_grants.Grant) else share

    patch.setattr(order_limits, "share_of", blind)


def _nobody_asks_who_the_owner_is(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(GroupCommit, "check_owner", lambda *_: None)


def _checkpoints_fail_in_silence(patch: pytest.MonkeyPatch) -> None:
    real = BreakingJournal.checkpoint

    def silent(journal: BreakingJournal) -> None:
        with suppress(JournalError):
            real(journal)
        journal._finished = None  # the next call would tell

    patch.setattr(BreakingJournal, "checkpoint", silent)


def _a_passing_no_lasts(patch: pytest.MonkeyPatch) -> None:
    real = shop_decide.allowed

    def lasting(*asked: Any) -> Any:
        answer = real(*asked)
        if isinstance(answer, Rejection) and answer.reason is Reason.ORDER_UNDECIDED:
            return replace(answer, reason=Reason.TRANSITION_NOT_ALLOWED)
        return answer

    patch.setattr(shop_decide, "allowed", lasting)
    patch.setattr(order_callers, "STEPS", ("collect", "give back"))
    patch.setattr(ChainWorld, "plain", 0.0)


def _the_gateway_decides_whose_a_key_is(patch: pytest.MonkeyPatch) -> None:
    """What it takes for limited is an order of the customer's ledger, under the same key; else it is the shop's."""
    real = Gateway.decide

    async def by_its_own_rules(self: Gateway, kind: Any, entry: Any, end: float) -> Any:
        store_id, command = entry
        if not self.grants.are_required(entry):
            return await real(self, kind, entry, end)
        plans = (order_commands.Plan(store_id, by_sku(command.lines), command.slot_start_ms),)
        order = await self.coordinator.open(
            order_commands.Open(command.key, "x", command.customer_id, command.channel, command.ttl_ms, plans, (), ""),
            end,
        )
        if isinstance(order, Rejection):
            return Refusal(1, order)
        return Held(order.parts[0].reservation, order.created_at_ms, order.created_at_ms, 0)

    patch.setattr(Gateway, "decide", by_its_own_rules)
    patch.setattr(plain_callers, "STEPS", ("leave",))
    patch.setattr(ChainWorld, "plain", 1.0)


def _old_rules_of_a_gateway_count(patch: pytest.MonkeyPatch) -> None:
    real = preconditions.grant_refusal

    def trusting(ledger: Any, grant: Any, *rest: Any) -> Any:
        return None if grant is None else real(ledger, grant, *rest)

    patch.setattr(shop_decide, "grant_refusal", trusting)
    patch.setattr(plain_callers, "STEPS", ("leave",))
    patch.setattr(ChainWorld, "plain", 1.0)


def _overload_is_passed_on(patch: pytest.MonkeyPatch) -> None:
    real = Coordinator.open

    async def told(self: Coordinator, *asked: Any) -> Any:
        try:
            return await real(self, *asked)
        except DeadlinePassed as error:
            raise error.__cause__ or error from None

    patch.setattr(Coordinator, "open", told)
    patch.setattr(ChainWorld, "plain", 0.0)


def _a_lease_is_not_asked(patch: pytest.MonkeyPatch) -> None:
    real = shop_decide.allowed

    def generous(ledger: Any, number: int, step: Any, now_ms: int) -> Any:
        part = ledger.reservations.get(number)
        has_lease = part is not None and part.part is not None and part.status is not Status.CLAIMED
        return real(ledger, number, step, min(now_ms, part.expires_at_ms - 1) if has_lease else now_ms)

    patch.setattr(shop_decide, "allowed", generous)
    patch.setattr(order_callers, "STEPS", ("come late",))
    patch.setattr(ChainWorld, "plain", 0.0)


def _parts_are_told_as_their_shops_said(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(wire_orders, "decided_status", lambda _, part: part.status)


def _attempts_are_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Refusals, "learn", lambda *_: None)


def _old_rules_are_handed_over(patch: pytest.MonkeyPatch) -> None:
    async def never(_: Router) -> bool:
        return True

    patch.setattr(Router, "_look", never)


def _older_rules_are_adopted(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Policy, "age", (0, 0, 0))


def _older_pauses_are_adopted(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Policy, "age", property(lambda policy: policy.version))


def _a_basket_is_claimed_as_it_was(patch: pytest.MonkeyPatch) -> None:
    real = parts.claim_of

    def old(order_id: str, order: Order, part: OrderPart) -> Claim:
        return replace(real(order_id, order, part), channel=order.channel, whole=())

    patch.setattr("serve.coordination.coordinator.claim_of", old)
    patch.setattr(order_callers, "STEPS", ("leave",))
    patch.setattr(ChainWorld, "plain", 0.0)


def _the_source_goes_on(patch: pytest.MonkeyPatch) -> None:
    """What has left is not fenced by the journal, and its actor does not let go of it."""
    put, leave = MemoryJournal.put_whereabouts, Moving.leave

    def unfenced(self: MemoryJournal, ledger_id: str, stands: Head, was: Any, now: Whereabouts, epoch: int) -> None:
        put(self, ledger_id, stands, was, now, stands.epoch if now.phase is Phase.LEFT else epoch)

    def kept(self: Moving, ledger_id: str, actor: str, move: int) -> Any:
        hosted = self._hosted.get(ledger_id)
        left = leave(self, ledger_id, actor, move)
        if hosted is not None:
            self._hosted[ledger_id] = hosted
            self._elsewhere.pop(ledger_id, None)
        return left

    patch.setattr(MemoryJournal, "put_whereabouts", unfenced)
    patch.setattr(Moving, "leave", kept)


def _the_target_has_the_shop_at_once(patch: pytest.MonkeyPatch) -> None:
    """It serves what has arrived, while the source decides on."""
    take_in = Moving.take_in

    def served(self: Moving, ledger_id: str, actor: str, move: int) -> Any:
        here = take_in(self, ledger_id, actor, move)
        at = self._journal.whereabouts()[ledger_id]
        if at.phase is Phase.ARRIVING:
            stands = self._journal.stands_at(ledger_id)
            self._journal.put_whereabouts(ledger_id, stands, at, at._replace(phase=Phase.HERE), stands.epoch)
            self._elsewhere.pop(ledger_id, None)
        return here

    patch.setattr(Moving, "take_in", served)


MUTANTS: Final[dict[str, tuple[Break, frozenset[str]]]] = {
    "the limit is not asked": (_no_limit, frozenset({"I15"})),
    "orders never expire": (_never_expires, frozenset({"I12", "I22"})),
    "answers are forgotten": (_forgets_what_it_answered, frozenset({"I5", "I13"})),
    "a place too many": (_one_place_too_many, frozenset({"I2"})),
    "shops give back what is certain": (_goes_on_before_it_is_certain, frozenset({"I7", "I3", "I12"})),
    "what was collected at the old shop is not cut at the new one": (_nothing_is_cut, frozenset({"I15"})),
    "the new shop hears before the old one": (_the_new_shop_hears_first, frozenset({"I15"})),
    "nobody settles": (_nobody_settles, frozenset({"I12", "I22"})),
    "an amendment asks the shop's limits alone": (_amend_asks_the_shop_alone, frozenset({"I15", "I22"})),
    "nobody reports a grant": (_nobody_reports_a_grant, frozenset({"I22"})),
    "what grants hold is not counted": (_a_count_is_dropped, frozenset({"I15"})),
    "nobody asks who the owner is": (_nobody_asks_who_the_owner_is, frozenset({"I9"})),
    "a shop that has left is decided where it was": (_the_source_goes_on, frozenset({"I9", "I5"})),
    "a shop is served where it is still arriving": (_the_target_has_the_shop_at_once, frozenset({"I9", "I22"})),
    "a checkpoint fails in silence": (_checkpoints_fail_in_silence, frozenset({"L10"})),
    "a passing no lasts": (_a_passing_no_lasts, frozenset({"I4"})),
    "the gateway decides whose a key is": (_the_gateway_decides_whose_a_key_is, frozenset({"I5", "I6"})),
    "a gateway with old rules is trusted": (_old_rules_of_a_gateway_count, frozenset({"I15", "I22"})),
    "an order's overload is passed on": (_overload_is_passed_on, frozenset({"L6"})),
    "a part is collected after its lease": (_a_lease_is_not_asked, frozenset({"I11"})),
    "a basket is claimed through its old channel": (_a_basket_is_claimed_as_it_was, frozenset({"I15"})),
    "what ends an actor is forgotten with it": (_attempts_are_forgotten, frozenset({"L10"})),
    "a confirmed order's parts are told as held": (_parts_are_told_as_their_shops_said, frozenset({"L6"})),
}
# Seen where a gateway cannot reach the chain for an hour.
CUT_OFF: Final[dict[str, tuple[Break, frozenset[str]]]] = {
    "the rules of who is cut off are handed over": (_old_rules_are_handed_over, frozenset({"I15"})),
    "a ledger takes older rules than it has": (_older_rules_are_adopted, frozenset({"I15"})),
    "a shop takes an older pause than it has": (_older_pauses_are_adopted, frozenset({"I15"})),
    "a gateway with old rules is trusted for an hour": (_old_rules_of_a_gateway_count, frozenset({"I15", "I22"})),
}

# The first world in which a mutant was noticed, where that is not among the first few: earlier ones would cost time.
FIRST_SEEDS: Final = {
    "what was collected at the old shop is not cut at the new one": 46,
    "an amendment asks the shop's limits alone": 10,
    "a passing no lasts": 14,
    "an order's overload is passed on": 10,
    "the rules of who is cut off are handed over": 1,
}


@pytest.mark.parametrize("mutant", [*MUTANTS, *CUT_OFF])
def test_a_broken_part_is_caught(monkeypatch: pytest.MonkeyPatch, mutant: str) -> None:
    """In worlds in which all has struck that causes it."""
    broken, caught_by = (MUTANTS | CUT_OFF)[mutant]
    broken(monkeypatch)
    causes, first = causes_of(mutant), set[str]()
    first_seed = FIRST_SEEDS.get(mutant, 0)
    for seed in range(first_seed, first_seed + SEEDS_MAX):
        found, struck = _caught(seed, CutOffWorld if mutant in CUT_OFF else ChainWorld)
        first = first or found
        if found & caught_by:
            causes -= struck
        if first and not (causes and first & caught_by):
            break
    assert first & caught_by, f"{mutant}: {first or 'nobody noticed'}"
    assert not causes, f"{mutant}: nobody noticed where {causes} struck"


def _caught(seed: int, kind: type[ChainWorld]) -> tuple[set[str], set[str]]:
    """What a world's end says is broken, nothing where it keeps its promises, and what struck in it."""
    worlds: list[ChainWorld] = []
    found: set[str] = set()
    try:
        run(seed, kind, worlds)
    except Broken as caught:
        found.add(caught.invariant)
    except LedgerStopped as caught:  # a recovery looked first, and names what it found
        found |= set(re.findall(r"invariant='(I\d+)'", str(caught))) or {"LedgerStopped"}
    except (AssertionError, KeyError, RuntimeError) as caught:
        found.add(type(caught).__name__)
    return found, set(worlds[0].struck)
