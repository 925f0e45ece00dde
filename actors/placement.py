"""Which actor writes which shop. Pure, the same on every process and for ever: never `hash()`.

Placement is written into the data directory when it is made, since a journal belongs to one actor: a service that is
started with another number of actors over the same directory is refused (see `serve.settings`).
"""

from typing import Final, NamedTuple
from zlib import crc32

PLACEMENT_VERSION: Final = 1
CHAIN_ACTOR: Final = "chain"


class Placement(NamedTuple):
    """`store_actors` 0: an actor for each shop. Otherwise so many actors share the shops."""

    store_actors: int

    def actor_of(self, store_id: str) -> str:
        """The name of the shop's actor, which also names its journal."""
        if self.store_actors == 0:
            return f"store-{store_id}"
        return f"stores-{crc32(store_id.encode()) % self.store_actors:04d}-of-{self.store_actors:04d}"
