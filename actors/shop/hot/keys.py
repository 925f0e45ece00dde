"""Keys that the ledgers of hot SKUs may have answered, as their shop knows them, so that it decides nothing else under
one of them. Nothing of this is in a journal: what a process does not know is asked for once after its start.

A key comes to such a ledger with a stamp, which its end shows (`Policy.sku_by_stamp`), or by the shop's word, and then
it is noted here before that is given. A word is of a page of notes. Pages grow, over restarts too, and the oldest are
dropped: by then, or before, `learn` brings a filter of what the SKU's ledger has answered, after it was told to go by
no word of an earlier page, and by no stamp of an earlier generation (`hot.VoidWords`). So whatever it may still decide
is noted here, or has a stamp that is known here.
"""

import sys
from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from actors.core.bloom import Bloom, names_having
from actors.core.packed import hash_of
from actors.core.policy import Policy

EPOCH_PAGES: Final = 1 << 20  # pages of one owner of the ledger
NO_PAGE: Final = -1
NOTED_MAX: Final = 8_192  # keys of a page; some 1 MB
VERDICTS_MAX: Final = 8_192
HEAD_BYTES: Final = 4  # of a key's hash, as what was answered is told


class Learned(NamedTuple):
    """What a SKU's ledger had answered when it went by no words from before this page and this generation."""

    page: int
    generation: int
    heads: Bloom  # may be that of other shops too, and have keys that were answered later


class Verdict(NamedTuple):
    """The SKUs whose ledgers have a key, and those whose ledgers never will, as they were asked."""

    known: frozenset[str] = frozenset()
    free: frozenset[str] = frozenset()


ASKED_NOBODY: Final = Verdict()


@dataclass(slots=True, eq=False)
class Keys:
    """The keys of one shop. `noted` has their hashes by page, each with the SKU that its call was sent on for."""

    page: int = 1
    first: int = 1  # the oldest page that is whole
    noted: dict[int, dict[bytes, str]] = field(default_factory=dict)
    learned: dict[str, Learned] = field(default_factory=dict)
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    filters: tuple[tuple[str, Bloom], ...] = ()  # those of `learned` that have keys
    # The rules under which nothing is to be learned.
    whole: Policy | None = None

    def begin(self, epoch: int) -> None:
        """Know nothing, as an owner that has just replayed the ledger."""
        self.page = self.first = epoch * EPOCH_PAGES
        self.noted, self.learned, self.verdicts = {}, {}, {}
        self.filters, self.whole = (), None

    def adopt(self, before: Policy, now: Policy) -> None:
        """Of a SKU that was not hot by the rules before, no key was sent on; one that is forgotten has none left."""
        self.learned = {sku: known for sku, known in self.learned.items() if sku in now.hot_by_sku}
        for each in now.hot:
            if each.sku not in before.hot_by_sku:
                self.learned[each.sku] = Learned(self.page, each.generation, Bloom())
        self._note_filters()
        self.whole = None

    def note(self, hashed: bytes, key: str, sku: str) -> None:
        """Note a key that is sent on."""
        if len(self.noted.get(self.page, ())) >= NOTED_MAX:
            self.page += 1
            self.first, self.whole = max(self.first, self.page - 1), None
            self.noted = {page: keys for page, keys in self.noted.items() if page >= self.first}
        self.noted.setdefault(self.page, {})[hashed] = sku
        if self.verdicts:
            self.verdicts.pop(key, None)

    def found_for(self, hashed: bytes, prefixed: str, own: str) -> list[str]:
        """The SKUs but `own` whose ledgers may have answered a key. `prefixed` is the key as these have it."""
        found = [sku for noted in self.noted.values() if (sku := noted.get(hashed, "")) and sku != own]
        if self.filters:
            head = int.from_bytes(hash_of(prefixed)[:HEAD_BYTES], sys.byteorder)
            found += [sku for sku in names_having(head, self.filters) if sku != own]
        return list(dict.fromkeys(found)) if found else found

    def unlearned(self, policy: Policy, own: str) -> tuple[tuple[str, int, int], ...]:
        """(SKU, generation, page) of others than `own`, of which is to be learned what their ledgers have answered."""
        if self.whole is policy:
            return ()
        unlearned = [each for each in policy.hot if not self._is_known(each.sku, each.generation)]
        self.whole = None if unlearned else policy
        return tuple((each.sku, each.generation, self.page) for each in unlearned if each.sku != own)

    def _is_known(self, sku: str, generation: int) -> bool:
        known = self.learned.get(sku)
        return known is not None and known.generation == generation and known.page >= self.first

    def learn(self, sku: str, generation: int, page: int, heads: Bloom) -> None:
        """Take in a filter of what the SKU's ledger remembers. One that was asked for by another owner is of no use."""
        if self.first <= page <= self.page:
            self.learned[sku] = Learned(page, generation, heads)
            self._note_filters()

    def _note_filters(self) -> None:
        self.filters = tuple((sku, known.heads) for sku, known in self.learned.items() if known.heads.filters)

    def settle(self, key: str, skus: Iterable[str], *, is_known: bool) -> None:
        """Note what the ledgers of these SKUs have said about a key, for the call that waits for it."""
        known, free = self.verdicts.pop(key, ASKED_NOBODY)
        self.verdicts[key] = Verdict(known.union(skus), free) if is_known else Verdict(known, free.union(skus))
        if len(self.verdicts) > VERDICTS_MAX:
            del self.verdicts[next(iter(self.verdicts))]


def numbers_of(heads: bytes) -> "array[int]":
    """Heads as a filter has them, of `Packed.heads`."""
    found = array("I")
    found.frombytes(heads)
    return found
