"""Which actor writes which ledger. Pure, the same on every process and for ever: never `hash()`.

Placement is written into the data directory when it is made, since a journal belongs to one actor: a service that is
started with another number of actors over the same directory is refused (see `serve.config.settings`).
"""

from typing import Final, NamedTuple
from zlib import crc32

from actors.orders.ids import is_customers, slot_of_ledger

PLACEMENT_VERSION: Final = 1
CHAIN_ACTOR: Final = "chain"
CUSTOMER_ACTORS: Final = "customers"  # how their names begin; no shop's actor begins so


class Placement(NamedTuple):
    """`store_actors` 0: an actor for each shop. Otherwise so many actors share the shops. `customer_actors` share the
    hash slots of customers.
    """

    store_actors: int
    customer_actors: int = 1

    def actor_of(self, ledger_id: str) -> str:
        """The name of the ledger's actor, which also names its journal."""
        if is_customers(ledger_id):
            slot = slot_of_ledger(ledger_id)
            return f"{CUSTOMER_ACTORS}-{slot % self.customer_actors:04d}-of-{self.customer_actors:04d}"
        if self.store_actors == 0:
            return f"store-{ledger_id}"
        return f"stores-{crc32(ledger_id.encode()) % self.store_actors:04d}-of-{self.store_actors:04d}"
