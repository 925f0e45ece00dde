"""Units of shops in the hands of the ledger of a hot SKU.

That ledger is one of a shop's kind, with shops in the place of SKUs: a position for each shop whose units it has, and
reservations whose one line names the shop. Units are known at both ends by totals that only grow, so a message between
the two may be lost, repeated or late. What is under way is counted in the shop, among what it has allotted.

     shop                                                  ledger of the SKU
     HandUnits ─> over                  ── ReceiveUnits ─> over
     back <─ TakeUnitsBack ──                              back <─ GiveBackUnits
     moved <─ MoveIn ──                                    moved <─ MoveOut
"""

from dataclasses import dataclass, field
from typing import ClassVar

import msgspec

from actors.core.message import Message, Value
from actors.core.status import ReleaseReason
from actors.shop.hot.keys import Keys


class Totals(Value, frozen=True):
    """Units of one SKU in one shop that were ever handed to the SKU's ledger, came back, and moved to the shop with
    their reservations, as one end knows it.
    """

    over: int = 0
    back: int = 0
    moved: int = 0

    @property
    def left(self) -> int:
        """Units that are there, or on their way, as far as this end knows."""
        return self.over - self.back - self.moved


NO_UNITS = Totals()


class HotTotals(Message, frozen=True):
    """The answer about units of one SKU in one shop, with what the ledger that answers has of `Totals`. Of a shop:
    `generation` is that of the open SKU, 0 where it is not open there: until it has adopted a later one it decides no
    plain Reserve. `wanted` are units that the shop lacks, with what it keeps back and who waits; `short` those that it
    lacks for what is promised, if all that is left with the SKU's ledger is promised there. `waits`: somebody waits,
    past whom nobody may go. `quotas`: units that channels have left of their quotas, where nobody of them waits.
    """

    over: int
    back: int
    moved: int
    generation: int = 0
    wanted: int = 0
    short: int = 0
    waits: bool = False
    quotas: tuple[tuple[str, int], ...] = ()


class HotRow(Message, frozen=True, tag="hot"):
    """The row of a snapshot: totals by SKU, in the ledger of one by shop; reservations on their way to shops, with the
    versions of the events that moved them; by shop the first page and generation whose words are not void; and by shop
    whose units are kept for its line how many it had handed over then.
    """

    totals: dict[str, Totals]
    moving: tuple[tuple[int, int], ...]
    valid: dict[str, tuple[int, int]] = msgspec.field(default_factory=dict)
    kept: dict[str, int] = msgspec.field(default_factory=dict)


@dataclass(slots=True)
class Hot:
    """The same in memory. `keys`: those that a shop has sent on."""

    by: dict[str, Totals] = field(default_factory=dict)
    moving: dict[int, int] = field(default_factory=dict)
    valid: dict[str, tuple[int, int]] = field(default_factory=dict)
    kept: dict[str, int] = field(default_factory=dict)
    keys: Keys = field(default_factory=Keys)

    def of(self, name: str) -> Totals:
        """What is known of the units of a SKU; in its ledger, of those of a shop."""
        return self.by.get(name, NO_UNITS)

    def left(self, name: str) -> int:
        """Units of them that are there, or on their way."""
        return self.by[name].left if name in self.by else 0

    def keeps(self, store_id: str) -> bool:
        """Whether units of a shop are kept for its line: until it hands others, as it does when that is over."""
        return store_id in self.kept and self.kept[store_id] == self.of(store_id).over

    def add(self, name: str, over: int = 0, back: int = 0, moved: int = 0) -> None:
        had = self.by.get(name, NO_UNITS)
        self.by[name] = Totals(had.over + over, had.back + back, had.moved + moved)

    def row(self) -> HotRow | None:
        """The row of a snapshot, None where there is nothing to keep."""
        if not (self.by or self.moving or self.valid or self.kept):
            return None
        return HotRow(dict(self.by), tuple(self.moving.items()), dict(self.valid), dict(self.kept))


class HandUnits(Message, frozen=True):
    """To a shop: hand what is free of a SKU to its ledger, at most `units_max`, 0 for all. `given_back` as in
    TakeUnitsBack: what was still on its way is taken back first.
    """

    key: ClassVar[str] = ""  # identified by totals, as all that follow
    sku: str
    units_max: int = 0
    given_back: int = 0


class TakeUnitsBack(Message, frozen=True):
    """To a shop: so many units have ever been given back by the SKU's ledger."""

    key: ClassVar[str] = ""
    sku: str
    given_back: int


class MoveIn(Message, frozen=True):
    """To a shop: take over a reservation of the SKU's ledger, `hot_id` there, with its units. `key` is `move_key`.
    `only_known`: only say which reservation that has become here, as the ledger of the SKU was told that it has.
    `told_at_ms`: that ledger's time as this is said, from which on what is left of the hold passes here; 0 from a
    version before, whose instants are taken as this ledger's.
    """

    key: str
    hot_id: str
    sku: str
    customer_id: str
    channel: str
    quantity: int
    released: int
    ttl_ms: int
    created_at_ms: int
    expires_at_ms: int
    external_reference: str = ""
    grant: int = 0
    release_reason: ReleaseReason | None = None
    only_known: bool = False
    told_at_ms: int = 0

    def ahead_ms(self, at_ms: int) -> int:
        """How far the shop's clock is ahead of that of the SKU's ledger, as far as it was told."""
        return at_ms - self.told_at_ms if self.told_at_ms else 0

    @property
    def held(self) -> int:
        """Units that come with it."""
        return self.quantity - self.released


class ReceiveUnits(Message, frozen=True):
    """To the SKU's ledger: the shop has ever handed so many units over."""

    key: ClassVar[str] = ""
    store_id: str
    handed: int


class GiveBackUnits(Message, frozen=True):
    """To the SKU's ledger: give so many units of a shop back, as far as nobody holds them; 0 for all. `handed` as in
    ReceiveUnits: what was still on its way is received first. `keep`: somebody waits in line in the shop, so nothing of
    its units is available there until it hands others.
    """

    key: ClassVar[str] = ""
    store_id: str
    units: int = 0
    handed: int = 0
    keep: bool = False


class MoveOut(Message, frozen=True):
    """To the SKU's ledger: let go of a reservation, which moves into its shop with its units. `timed`: tell the time,
    see `MovingOut`.
    """

    key: ClassVar[str] = ""
    number: int
    timed: bool = False


class NoteMoved(Message, frozen=True):
    """To the SKU's ledger: the shop has the reservation."""

    key: ClassVar[str] = ""
    number: int


class VoidWords(Message, frozen=True):
    """To the SKU's ledger: go by no word of the shop of an earlier page of notes than this one, nor of an earlier
    generation; see `hot.keys`.
    """

    key: ClassVar[str] = ""
    store_id: str
    page: int
    generation: int


class DisownKey(Message, frozen=True):
    """To the SKU's ledger: answer no call under this key of the shop, unless it has. Refused as reused where it has."""

    key: str
    store_id: str


HotUnitsCommand = HandUnits | TakeUnitsBack | MoveIn


def move_key(hot_id: str) -> str:
    """The key under which a shop remembers what it took over; see `commands.claim_key`."""
    return f"\nmove {hot_id}"


def restored(row: HotRow) -> Hot:
    """The tables that a row was made of."""
    return Hot(row.totals, dict(row.moving), row.valid, row.kept)
