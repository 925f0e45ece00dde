"""What the whole chain shares: its stores and its policy. Pure; `chain_actor` gives it durability and a process."""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from actors.ledger.policy import Policy, from_document, to_document


class Store(NamedTuple):
    """One shop. Degrees; `paused` takes no new reservations."""

    store_id: str
    name: str
    latitude: float
    longitude: float
    paused: bool


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

    def policy_of(self, store_id: str) -> Policy:
        """The rules for one shop: the chain's, and whether the shop is paused."""
        store = self.stores.get(store_id)
        paused = store is not None and store.paused
        return self.policy if not paused else replace(self.policy, paused=True)


EMPTY = Chain(0, {}, Policy(version=1))


def evolve_chain(chain: Chain, event: ChainEvent) -> Chain:
    """The next revision."""
    match event:
        case StoresPut(stores):
            merged = {**chain.stores, **{store.store_id: store for store in stores}}
            # Whether a shop is paused is part of the rules that it decides by: ledgers never go back to older ones.
            changed = any(store.paused != _was_paused(chain, store.store_id) for store in stores)
            policy = replace(chain.policy, version=chain.policy.version + 1) if changed else chain.policy
            return Chain(chain.revision + 1, dict(sorted(merged.items())), policy)
        case PolicySet(policy):
            return Chain(chain.revision + 1, chain.stores, policy)


def _was_paused(chain: Chain, store_id: str) -> bool:
    known = chain.stores.get(store_id)
    return known is not None and known.paused


def event_to_document(event: ChainEvent) -> list[Any]:
    """An event as plain lists, as it is journalled."""
    match event:
        case StoresPut(stores):
            return ["stores_put/1", [list(store) for store in stores]]
        case PolicySet(policy):
            return ["policy_set/1", to_document(policy)]


def event_from_document(document: list[Any]) -> ChainEvent:
    """The inverse. Raises ValueError for a kind that this version does not know."""
    kind, content = document
    if kind == "stores_put/1":
        return StoresPut(tuple(Store(*row) for row in content))
    if kind == "policy_set/1":
        return PolicySet(from_document(content))
    raise ValueError(f"a chain event of kind {kind!r}, which this version does not know; a newer one wrote it")


def chain_to_document(chain: Chain) -> list[Any]:
    """A whole chain as plain lists."""
    return [chain.revision, [list(store) for store in chain.stores.values()], to_document(chain.policy)]


def chain_from_document(document: list[Any]) -> Chain:
    """The inverse of `chain_to_document`."""
    revision, stores, policy = document
    return Chain(revision, {row[0]: Store(*row) for row in stores}, from_document(policy))
