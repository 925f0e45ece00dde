"""The hundred orders of a shop that picks, drawn from the seed alone: what each is for, what is not on the shelf, and
how it comes to its customer, or does not. Pure, but for the table of products.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from random import Random
from typing import Final

from holdfast.client import NoticeOccasion

STORE_ID: Final = "walk-shop"
MUG: Final = "walk-mug"
LAMP: Final = "walk-lamp"
BULB: Final = "walk-bulb"  # what may take the place of a lamp
MUG_CODE: Final = "4006381333931"
MUGS: Final = 2  # of an order
UNITS: Final = 400  # of each
PRODUCTS_FILE: Final = "products.csv"
COLLECT_WITHIN_MS: Final = (
    12_000  # of those who are too late: longer than picking four orders and a letter to each take
)


class Ending(Enum):
    """What becomes of an order."""

    BY_CODE = "its code is scanned at two tills at once, twice"
    ON_TABLET = "handed over on the tablet"
    BY_SHORT_CODE = "by its short code, at a till, to somebody else"
    BY_NAME = "by name and last digits, at a till"
    NO_SHOW = "not collected, as staff say"
    LATE = "not collected in time"
    NOTHING_LEFT = "none of it is on the shelf"


class Short(Enum):
    """What a customer chose for a lamp that is not on the shelf."""

    NOTHING = "all is there"
    SUBSTITUTE = "another article"
    LATER = "looked for again"
    WITHOUT = "without it"


class Tapped(Enum):
    """The step that is tapped twice."""

    NONE = "none"
    SCAN = "scan"
    SHORT = "short"
    READY = "ready"
    HAND_OVER = "hand_over"


@dataclass(frozen=True, slots=True)
class WalkSizes:
    """How many orders, short picks, returns and double taps there are of each kind."""

    endings: Mapping[Ending, int]
    shorts: Mapping[Short, int]
    taps: Mapping[Tapped, int]
    returns: int


SIZES: Final = WalkSizes(
    {
        Ending.BY_CODE: 50,
        Ending.ON_TABLET: 20,
        Ending.BY_SHORT_CODE: 10,
        Ending.BY_NAME: 4,
        Ending.NO_SHOW: 8,
        Ending.LATE: 4,
        Ending.NOTHING_LEFT: 4,
    },
    {Short.SUBSTITUTE: 5, Short.LATER: 5, Short.WITHOUT: 5},
    {Tapped.SCAN: 6, Tapped.SHORT: 4, Tapped.READY: 5, Tapped.HAND_OVER: 5},
    returns=8,
)
HANDED_OVER: Final = frozenset({Ending.BY_CODE, Ending.ON_TABLET, Ending.BY_SHORT_CODE, Ending.BY_NAME})


@dataclass(frozen=True, slots=True)
class WalkOrder:
    """One order. `is_returned`: a mug of it comes back, which is not sellable any more where its number is odd."""

    number: int
    ending: Ending
    short: Short = Short.NOTHING
    tapped: Tapped = Tapped.NONE
    is_returned: bool = False

    @property
    def customer_id(self) -> str:
        return f"walk-{self.number:03}"

    @property
    def lines(self) -> tuple[tuple[str, int], ...]:
        if self.ending is Ending.NOTHING_LEFT:
            return ((LAMP, 1),)
        has_lamp = self.number % 2 or self.short is not Short.NOTHING
        return ((MUG, MUGS), (LAMP, 1)) if has_lamp else ((MUG, MUGS),)

    @property
    def goods(self) -> tuple[tuple[str, int], ...]:
        """What lies at the counter in the end."""
        instead = {Short.SUBSTITUTE: ((BULB, 1),), Short.WITHOUT: ()}.get(self.short)
        return self.lines if instead is None else ((MUG, MUGS), *instead)

    @property
    def occasions(self) -> frozenset[NoticeOccasion]:
        """What its customer is told."""
        occasion = NoticeOccasion
        last = {
            Ending.NO_SHOW: {occasion.READY, occasion.NO_SHOW},
            Ending.LATE: {occasion.READY, occasion.NO_SHOW},
            Ending.NOTHING_LEFT: {occasion.RELEASED},
        }.get(self.ending, {occasion.READY, occasion.RECEIPT})
        back = {occasion.REFUND} if self.is_returned else set[NoticeOccasion]()
        return frozenset({occasion.CONFIRMED, *last, *back})

    @property
    def written_off(self) -> int:
        return int(self.ending is Ending.NOTHING_LEFT or self.short in (Short.SUBSTITUTE, Short.WITHOUT))


def walk_orders(seed: int, sizes: WalkSizes = SIZES) -> tuple[WalkOrder, ...]:
    """The orders, in the sequence in which they come."""
    draw = Random(f"walk:{seed}")
    endings = [ending for ending, count in sizes.endings.items() for _ in range(count)]
    draw.shuffle(endings)
    handed = [number for number, ending in enumerate(endings) if ending in HANDED_OVER]
    chosen = draw.sample(handed, sum(sizes.shorts.values()))
    shorts = dict(zip(chosen, (each for each, count in sizes.shorts.items() for _ in range(count)), strict=True))
    may_be_tapped = {
        Tapped.SHORT: list(shorts),
        Tapped.HAND_OVER: [number for number in handed if endings[number] is Ending.ON_TABLET],
        Tapped.SCAN: handed,
        Tapped.READY: handed,
    }
    tapped: dict[int, Tapped] = {}
    for step, numbers in may_be_tapped.items():
        free = [number for number in numbers if number not in tapped]
        tapped |= dict.fromkeys(draw.sample(free, sizes.taps[step]), step)
    returned = frozenset(draw.sample(handed, sizes.returns))
    return tuple(
        WalkOrder(
            number,
            ending,
            shorts.get(number, Short.NOTHING),
            tapped.get(number, Tapped.NONE),
            is_returned=number in returned,
        )
        for number, ending in enumerate(endings)
    )


def write_products_file(folder: Path) -> Path:
    """The table of products, as `python -m serve --products` reads it."""
    path = folder / PRODUCTS_FILE
    rows = f"{MUG},{MUG_CODE},3,12,\n{LAMP},,4,1,{BULB}\n{BULB},,4,2,\n"
    path.write_text(f"sku,gtin,aisle,bay,substitutes\n{rows}", encoding="utf-8")
    return path
