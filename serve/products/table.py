"""The table of products: a CSV file with a header that names `sku`, and any of `gtin`, `store_id`, `aisle`, `bay`,
`photo_url` and `substitutes`, which are SKUs with spaces between them, the best first.

A SKU may stand in several rows, for several codes, and for its places in several shops; a row without a shop holds in
those that have none of their own. It is read again when it has changed. What it says is advice, but for whose a code
is.
"""

import asyncio
import csv
import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from serve.products.codes import WrongCheckDigit, gtin_of, spellings

COLUMNS: Final = ("sku", "gtin", "store_id", "aisle", "bay", "photo_url", "substitutes")
ROWS_MAX: Final = 2_000_000
TEXT_CHARS_MAX: Final = {"sku": 64, "gtin": 14, "store_id": 64, "aisle": 32, "bay": 32, "photo_url": 512}
SUBSTITUTES_MAX: Final = 20
LOOKED_AT_EVERY_S: Final = 2.0

log = logging.getLogger("holdfast.products")


class Place(NamedTuple):
    """Where a product stands; each may be empty."""

    aisle: str
    bay: str
    photo_url: str


NOWHERE: Final = Place("", "", "")


class MalformedProducts(ValueError):
    """A file that is no table of products. `line` counts from 1, the header's."""

    def __init__(self, line: int, fault: str) -> None:
        super().__init__(f"line {line}: {fault}")


class Products(NamedTuple):
    """The table. `gtins` are SKUs by GTIN-14, `codes` the reverse, `places` by shop and SKU, "" for those without."""

    gtins: Mapping[str, str]
    codes: Mapping[str, tuple[str, ...]]
    places: Mapping[tuple[str, str], Place]
    substitutes: Mapping[str, tuple[str, ...]]

    def sku_of(self, code: str) -> str:
        """The SKU of what was scanned: by its GTIN, or it is one itself; empty where the table has neither. Raises
        WrongCheckDigit.
        """
        if code in self.codes:
            return code
        return next((self.gtins[each] for each in spellings(gtin_of(code) or "-") if each in self.gtins), "")

    def place_of(self, store_id: str, sku: str) -> Place:
        return self.places.get((store_id, sku)) or self.places.get(("", sku)) or NOWHERE


NO_PRODUCTS: Final = Products({}, {}, {}, {})


def read_products(lines: Iterable[str]) -> Products:
    """The table of a file's lines. Raises MalformedProducts."""
    reader = csv.reader(lines, strict=True)
    gtins: dict[str, str] = {}
    codes: dict[str, tuple[str, ...]] = {}
    places: dict[tuple[str, str], Place] = {}
    substitutes: dict[str, tuple[str, ...]] = {}
    try:
        header = [title.strip().lower() for title in next(reader, [])]
        if "sku" not in header or len(set(header)) < len(header):
            raise MalformedProducts(1, f"the header needs sku, and each of {', '.join(COLUMNS)} once at most")
        for row in reader:
            if not row:
                continue
            fields = _fields(reader.line_num, header, row)
            sku, gtin = fields["sku"], fields["gtin"]
            codes.setdefault(sku, ())
            if len(codes) > ROWS_MAX or len(places) > ROWS_MAX or len(gtins) > ROWS_MAX:
                raise MalformedProducts(reader.line_num, f"more than {ROWS_MAX:,} products, codes or places")
            if gtin:
                if gtins.setdefault(gtin, sku) != sku:
                    raise MalformedProducts(reader.line_num, f"gtin {gtin} is {gtins[gtin]}'s already")
                codes[sku] = tuple(dict.fromkeys((*codes[sku], gtin)))
            place = Place(fields["aisle"], fields["bay"], fields["photo_url"])
            if place != NOWHERE:
                places[fields["store_id"], sku] = place
            if others := tuple(dict.fromkeys(fields["substitutes"].split())):
                substitutes[sku] = others[:SUBSTITUTES_MAX]
    except csv.Error as error:
        raise MalformedProducts(reader.line_num, f"is not CSV: {error}") from error
    return Products(gtins, codes, places, substitutes)


def _fields(line: int, header: list[str], row: list[str]) -> dict[str, str]:
    """The fields of a row by column, the code as a GTIN-14."""
    if len(row) != len(header):
        raise MalformedProducts(line, f"has {len(row)} fields, and the header {len(header)}")
    fields = dict.fromkeys(COLUMNS, "") | {name: text.strip() for name, text in zip(header, row, strict=True)}
    for name, chars_max in TEXT_CHARS_MAX.items():
        if len(fields[name]) > chars_max or not fields[name].isprintable():
            raise MalformedProducts(line, f"{name} is not up to {chars_max} printable characters")
    if not fields["sku"]:
        raise MalformedProducts(line, "sku is empty")
    if fields["photo_url"] and not fields["photo_url"].startswith(("https://", "/")):
        raise MalformedProducts(line, "photo_url begins with neither https:// nor /")
    if fields["gtin"]:
        try:
            gtin = gtin_of(fields["gtin"])
        except WrongCheckDigit as error:
            raise MalformedProducts(line, f"gtin {error}") from error
        if not gtin:
            raise MalformedProducts(line, f"gtin {fields['gtin']!r} is not 8, 12, 13 or 14 digits")
        *_, fields["gtin"] = spellings(gtin)
    return fields


def load_products(path: Path) -> Products:
    """The table of a file in UTF-8. Raises MalformedProducts and OSError."""
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        return read_products(file)


class ProductFile:
    """A table that is read again, off the loop, once its file has changed; one with a fault is not taken over."""

    def __init__(self, path: Path | None, products: Products = NO_PRODUCTS) -> None:
        self._path = path
        self._products = products
        self._stamp = _stamp_of(path)
        self._look_at_s = 0.0

    async def now(self) -> Products:
        """The table as it is now, or was up to two seconds ago."""
        at_s = asyncio.get_running_loop().time()
        if self._path is None or at_s < self._look_at_s:
            return self._products
        self._look_at_s = at_s + LOOKED_AT_EVERY_S
        stamp = await asyncio.to_thread(_stamp_of, self._path)
        if stamp not in (None, self._stamp):
            self._stamp = stamp
            try:
                self._products = await asyncio.to_thread(load_products, self._path)
                log.info("the table of products was read again: %d of them", len(self._products.codes))
            except (OSError, MalformedProducts) as error:
                log.warning("the table of products stays as it was, as %s does not hold: %s", self._path, error)
        return self._products


def _stamp_of(path: Path | None) -> tuple[int, int] | None:
    """What is another one once the file has changed; None where there is none."""
    try:
        found = None if path is None else path.stat()
    except OSError:
        return None
    return None if found is None else (found.st_mtime_ns, found.st_size)
