"""Which actor serves which ledger. Pure, and the same in every process and version: never `hash()`.

The rule is recorded in the data directory when that is created, since a journal belongs to one actor (see
`serve.config.settings`). Which shops have moved since, the chain knows (`core.store_moves`).
"""

from enum import StrEnum
from typing import Final, NamedTuple
from zlib import crc32

from actors.core.ids import is_customers, is_hot, slot_of_ledger

PLACEMENT_VERSION: Final = 1
HOT_ACTORS: Final = 2


class ActorKind(StrEnum):
    """The kinds of actor. Each has a class in `ray_actors`; `kind_of` derives it from a name."""

    CHAIN = "chain"
    CUSTOMERS = "customers"
    STORE = "store"
    HOT = "hot"
    NOTIFIER = "notifier"


CHAIN_ACTOR: Final = "chain"  # there is only one
NOTIFIER_ACTOR: Final = "notifier"  # likewise
OF_LEDGERS: Final = frozenset({ActorKind.CUSTOMERS, ActorKind.STORE, ActorKind.HOT})  # of reservations and orders


def kind_of(actor: str) -> ActorKind:
    """The kind of the actor of that name, by what is before its first dash. Raises ValueError where it is not an
    actor's name.
    """
    kind = actor.partition("-")[0]
    return ActorKind.STORE if kind == "stores" else ActorKind(kind)


class Placement(NamedTuple):
    """`store_actors` 0: one actor per shop. Otherwise that many actors share the shops. `customer_actors` share the
    customers' hash slots, and `hot_actors` the ledgers of hot SKUs; these are made on first use.
    """

    store_actors: int
    customer_actors: int = 1
    hot_actors: int = HOT_ACTORS

    def actor_of(self, ledger_id: str) -> str:
        """The name of the ledger's actor, which also names its journal."""
        if is_customers(ledger_id):
            slot = slot_of_ledger(ledger_id)
            return f"customers-{slot % self.customer_actors:04d}-of-{self.customer_actors:04d}"
        if is_hot(ledger_id):
            return f"hot-{crc32(ledger_id.encode()) % self.hot_actors:04d}-of-{self.hot_actors:04d}"
        if self.store_actors == 0:
            return f"store-{ledger_id}"
        return f"stores-{crc32(ledger_id.encode()) % self.store_actors:04d}-of-{self.store_actors:04d}"

    def has(self, actor: str) -> bool:
        """Whether shops lie with an actor of that name by this rule."""
        if self.store_actors == 0:
            return actor.startswith("store-")
        return actor in {f"stores-{each:04d}-of-{self.store_actors:04d}" for each in range(self.store_actors)}
