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
    """One revision of the chain's stores and policy. Every change of either increments the revision."""

    revision: int
    stores: dict[str, Store]
    policy: Policy

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
            store = self.stores.get(ledger_id)
            policy = self.policy
            if store is not None and (store.paused or store.calendar != ALWAYS_OPEN):
                policy = replace(policy, paused=store.paused, calendar=store.calendar)
            self._policies[ledger_id] = policy
        return policy


EMPTY: Final = Chain(0, {}, Policy(version=1))


def evolve_chain(chain: Chain, event: ChainEvent) -> Chain:
    """Return the chain after the event, with the next revision."""
    match event:
        case StoresPut(stores):
            merged = {**chain.stores, **{store.store_id: store for store in stores}}
            # A shop's hours and pause are part of its policy, and ledgers never adopt an older policy version.
            changed = any(_rules_of(store) != _rules_of(chain.stores.get(store.store_id)) for store in stores)
            policy = replace(chain.policy, version=chain.policy.version + 1) if changed else chain.policy
            return Chain(chain.revision + 1, dict(sorted(merged.items())), policy)
        case PolicySet(policy):
            return Chain(chain.revision + 1, chain.stores, policy)


def _rules_of(store: Store | None) -> tuple[bool, Calendar]:
    return (False, ALWAYS_OPEN) if store is None else (store.paused, store.calendar)


chain_from_document: Final[Callable[[bytes], Chain]] = msgspec.json.Decoder(Chain).decode  # of `to_json`
