"""How often SKUs are asked for by plain calls: counted in a table of a bounded size, in which what is asked for often
is sure to be.

That is the algorithm of Misra and Gries (1982): where the table is full, one is taken from each count. So a count is
short of the truth by at most the calls of the window over the size of the table, and none of a SKU that has more is
lost.
"""

from typing import Final

from actors.protocol.messages import Entry
from actors.shop.commands import Reserve

SKUS_MAX: Final = 256


class Rates:
    """Calls by SKU since the last look."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._since = 0.0

    def note(self, entry: Entry) -> None:
        """Count a Reserve, if a ledger of its SKU would decide it."""
        command = entry[1]
        assert isinstance(command, Reserve), "no other call is counted"
        sku, counts = command.plain_sku, self._counts
        if sku in counts:  # most are, and there is a call of this for each entry
            counts[sku] += 1
        elif sku:
            self.count(sku)

    def count(self, sku: str) -> None:
        """The same, of its SKU."""
        counts = self._counts
        if sku in counts:
            counts[sku] += 1
        elif len(counts) < SKUS_MAX:
            counts[sku] = 1
        else:
            self._counts = {each: count - 1 for each, count in counts.items() if count > 1}

    def look(self, now: float) -> dict[str, float]:
        """Calls a second by SKU since the last look; counting begins anew."""
        counts, over = self._counts, max(now - self._since, 1e-3)
        self._counts, self._since = {}, now
        return {sku: count / over for sku, count in counts.items()}
