"""Stamps: endings of keys which prove that a key was made after its shop had left a hot SKU to the SKU's ledger.

A stamp is of one shop and one opening of the SKU: a digest by a secret of that opening, which the chain alone makes and
gateways alone know; a shop is told its own stamps with the opening, so that it decides nothing else under a key with
one. A gateway tells it in answers, and only once it has the shop's word of that generation. So a key
that ends with it is younger than that word: nobody could have written it before. Every copy of the call has the same
key, so the shop has decided none of them before it gave its word, and it decides nothing plain after that
(`actors.shop.hot.decide`): the stamp is that word, for any copy, whoever sends it, and however late it comes. What a
caller claims is not relied upon.

A stamp of an opening that is over, of another shop, or of a chain that was restored from before the opening is no word:
such a call goes by its shop, as one without.
"""

from typing import Final

from actors.core.policy import HotSku
from actors.core.stamps import MARK, STAMP_CHARS, stamp_of

STAMPS_MAX: Final = 65_536  # that are remembered: a digest takes 3 us


class Stamps:
    """The stamps of one gateway."""

    def __init__(self) -> None:
        self._made: dict[tuple[str, str], tuple[HotSku, str]] = {}

    def of(self, store_id: str, hot: HotSku) -> str:
        """The stamp of a shop and an open SKU; empty where it was opened without a secret."""
        made = self._made.get((store_id, hot.sku))
        if made is None or made[0] is not hot:
            if len(self._made) >= STAMPS_MAX:
                self._made.clear()
            made = self._made[store_id, hot.sku] = hot, stamp_of(store_id, hot)
        return made[1]

    def is_on(self, key: str, store_id: str, hot: HotSku) -> bool:
        return key[-STAMP_CHARS : 1 - STAMP_CHARS] == MARK and key[-STAMP_CHARS:] == self.of(store_id, hot)
