"""What the whole chain shares: its stores and its policy. Pure; `chain_actor` gives it durability and a process."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple

from actors.calendar import hours
from actors.calendar.hours import ALWAYS_OPEN, Calendar
from actors.core.policy import Policy, from_document, to_document


class Store(NamedTuple):
    """One shop. Degrees, both None where it has no place; `paused` takes no new reservations; `channels` are those it
    serves, none: all.

    `holiday_region` is where the calendar's holidays are from, for those who read it; nothing is decided by it.
    """

    store_id: str
    name: str
    latitude: float | None
    longitude: float | None
    paused: bool
    channels: tuple[str, ...] = ()
    calendar: Calendar = ALWAYS_OPEN
    holiday_region: str = ""


_FIELDS_OF_STORES_PUT_1: Final = 5


class StoresPut(NamedTuple):
    """Shops were added or replaced."""

    stores: tuple[Store, ...]


class PolicySet(NamedTuple):
    """The rules changed."""

    policy: Policy


ChainEvent = StoresPut | PolicySet


@dataclass(frozen=True, slots=True)
class Chain:
    """One revision of what the chain shares. Revisions grow with every change of stores or policy."""

    revision: int
    stores: dict[str, Store]
    policy: Policy
    has_hours: bool = field(init=False, repr=False, compare=False)  # whether any shop is ever closed, or has slots
    _policies: dict[str, Policy] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Look once for what every order would else look for."""
        object.__setattr__(self, "has_hours", any(store.calendar != ALWAYS_OPEN for store in self.stores.values()))

    def policy_of(self, ledger_id: str) -> Policy:
        """The rules for one ledger: the chain's; for a shop also its calendar, and whether it is paused. Made once."""
        policy = self._policies.get(ledger_id)
        if policy is None:
            store = self.stores.get(ledger_id)
            policy = self.policy
            if store is not None and (store.paused or store.calendar != ALWAYS_OPEN):
                policy = replace(policy, paused=store.paused, calendar=store.calendar)
            self._policies[ledger_id] = policy
        return policy


EMPTY = Chain(0, {}, Policy(version=1))


def evolve_chain(chain: Chain, event: ChainEvent) -> Chain:
    """The next revision."""
    match event:
        case StoresPut(stores):
            merged = {**chain.stores, **{store.store_id: store for store in stores}}
            # Whether a shop is paused, and its hours, are among the rules that it decides by: ledgers never go back to
            # older ones.
            changed = any(_rules_of(store) != _rules_of(chain.stores.get(store.store_id)) for store in stores)
            policy = replace(chain.policy, version=chain.policy.version + 1) if changed else chain.policy
            return Chain(chain.revision + 1, dict(sorted(merged.items())), policy)
        case PolicySet(policy):
            return Chain(chain.revision + 1, chain.stores, policy)


def _rules_of(store: Store | None) -> tuple[bool, Calendar]:
    return (False, ALWAYS_OPEN) if store is None else (store.paused, store.calendar)


def store_to_row(store: Store) -> list[Any]:
    """A shop as a plain list."""
    *fields, channels, calendar, region = store
    return [*fields, list(channels), None if calendar == ALWAYS_OPEN else hours.to_document(calendar), region]


def store_from_row(row: Sequence[Any]) -> Store:
    """The inverse; rows of before there were channels and hours have neither."""
    if len(row) == _FIELDS_OF_STORES_PUT_1:
        return Store(*row)
    *fields, channels, document, region = row
    calendar = ALWAYS_OPEN if document is None else hours.from_document(document)
    return Store._make([*fields, tuple(channels), calendar, region])


def event_to_document(event: ChainEvent) -> list[Any]:
    """An event as plain lists, as it is journalled."""
    match event:
        case StoresPut(stores):
            return ["stores_put/2", [store_to_row(store) for store in stores]]
        case PolicySet(policy):
            return ["policy_set/1", to_document(policy)]


def event_from_document(document: list[Any]) -> ChainEvent:
    """The inverse. Raises ValueError for a kind that this version does not know."""
    kind, content = document
    if kind in ("stores_put/1", "stores_put/2"):
        return StoresPut(tuple(map(store_from_row, content)))
    if kind == "policy_set/1":
        return PolicySet(from_document(content))
    raise ValueError(f"a chain event of kind {kind!r}, which this version does not know; a newer one wrote it")


def chain_to_document(chain: Chain) -> list[Any]:
    """A whole chain as plain lists."""
    return [chain.revision, [store_to_row(store) for store in chain.stores.values()], to_document(chain.policy)]


def chain_from_document(document: list[Any]) -> Chain:
    """The inverse of `chain_to_document`."""
    revision, stores, policy = document
    return Chain(revision, {row[0]: store_from_row(row) for row in stores}, from_document(policy))
