"""What the whole chain shares: its stores and its policy. Pure; `chain_actor` journals and serves it."""

from collections.abc import Callable
from functools import cached_property
from typing import Final

import msgspec
from msgspec.structs import replace

from actors.calendar.hours import ALWAYS_OPEN, Calendar
from actors.core.message import Message, Value
from actors.core.policy import Policy


class Store(Value, frozen=True):
    """One shop. Coordinates are in degrees, both None where unknown. A paused shop takes no new reservations.
    `channels` are those it serves, empty for all.

    `holiday_region` is where the calendar's holidays were taken from; no decision depends on it.
    """

    store_id: str
    name: str
    latitude: float | None
    longitude: float | None
    paused: bool
    channels: tuple[str, ...] = ()
    calendar: Calendar = ALWAYS_OPEN
    holiday_region: str = ""


class StoresPut(Message, frozen=True):
    """Shops were added or replaced."""

    stores: tuple[Store, ...]


class PolicySet(Message, frozen=True):
    """The policy was replaced."""

    policy: Policy


ChainEvent = StoresPut | PolicySet


class Chain(Value, frozen=True, dict=True, gc=True):
    """One revision of the chain's stores and policy. Every change of either increments the revision.

    `shop_revisions` has those at which the rules of single shops changed last. These are apart from the policy's
    version, or the pause of one shop would be new rules for all, which each writes into its journal.
    """

    revision: int
    stores: dict[str, Store]
    policy: Policy
    shop_revisions: dict[str, int] = msgspec.field(default_factory=dict)

    @cached_property
    def has_hours(self) -> bool:
        """True where some shop is not always open, or has pickup slots."""
        return any(store.calendar != ALWAYS_OPEN for store in self.stores.values())

    @cached_property
    def _policies(self) -> dict[str, Policy]:
        return {}

    def policy_of(self, ledger_id: str) -> Policy:
        """The policy of one ledger, cached: the chain's; for a shop with its calendar and whether it is paused."""
        policy = self._policies.get(ledger_id)
        if policy is None:
            store, policy = self.stores.get(ledger_id), self.policy
            revision = self.shop_revisions.get(ledger_id, 0)
            if store is not None and (revision or _rules_of(store) != _rules_of(None)):
                policy = replace(policy, paused=store.paused, calendar=store.calendar, shop_revision=revision)
            self._policies[ledger_id] = policy
        return policy


EMPTY: Final = Chain(0, {}, Policy(version=1))


def evolve_chain(chain: Chain, event: ChainEvent) -> Chain:
    """Return the chain after the event, with the next revision."""
    match event:
        case StoresPut(stores):
            merged = {**chain.stores, **{store.store_id: store for store in stores}}
            revision = chain.revision + 1
            changed = [
                each.store_id for each in stores if _rules_of(each) != _rules_of(chain.stores.get(each.store_id))
            ]
            revisions = {**chain.shop_revisions, **dict.fromkeys(changed, revision)}
            return Chain(revision, dict(sorted(merged.items())), chain.policy, revisions)
        case PolicySet(policy):
            return Chain(chain.revision + 1, chain.stores, policy, chain.shop_revisions)


def _rules_of(store: Store | None) -> tuple[bool, Calendar]:
    return (False, ALWAYS_OPEN) if store is None else (store.paused, store.calendar)


chain_from_document: Final[Callable[[bytes], Chain]] = msgspec.json.Decoder(Chain).decode  # of `to_json`
