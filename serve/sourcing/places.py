"""Places of customers: points, and the operator's table of postcodes.

The table is a CSV file with a header that names `postcode`, `latitude` and `longitude`, and `country` where postcodes
of several countries stand in it. Other columns are left alone. Each postcode of a country stands once.
"""

import csv
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

# About 300 bytes each in memory: 75 MB for a full table in every gateway.
POSTCODES_MAX: Final = 250_000
POSTCODE_CHARS_MAX: Final = 16
LATITUDE_MAX: Final = 90.0
LONGITUDE_MAX: Final = 180.0

_REQUIRED: Final = ("postcode", "latitude", "longitude")
_COUNTRY: Final = "country"


class Place(NamedTuple):
    """A point on the globe, in degrees that are finite and in range: its maker checked them."""

    latitude: float
    longitude: float


class UnknownPostcode(NamedTuple):
    """A postcode that the table does not have; or has in several `countries`, and none was named."""

    postcode: str
    country: str = ""
    countries: tuple[str, ...] = ()

    @property
    def message(self) -> str:
        """One sentence for people, with what mends it."""
        if self.countries:
            return f"postcode {self.postcode!r} is of {', '.join(self.countries)}; name the country"
        where = f" of {self.country}" if self.country else ""
        return f"postcode {self.postcode!r}{where} is not in the table; check it, or send latitude and longitude"


class MalformedPostcodes(ValueError):
    """A file that is no table of postcodes. `line` counts from 1, the header's; `field` is the column, if it is one."""

    def __init__(self, line: int, field: str, fault: str) -> None:
        super().__init__(f"line {line}, {field}: {fault}" if field else f"line {line}: {fault}")
        self.line = line
        self.field = field
        self.fault = fault


@dataclass(frozen=True, slots=True)
class Postcodes:
    """The table: places by country and postcode, both as `normal` spells them; "" where the file names no country."""

    by_country: Mapping[str, Mapping[str, Place]]

    def __len__(self) -> int:
        return sum(len(places) for places in self.by_country.values())

    def find(self, postcode: str, country: str = "") -> Place | UnknownPostcode:
        """Where a postcode is, however it is spaced and whatever its case. Countries: dozens, so they are all asked."""
        spelled = normal(postcode)
        wanted = normal(country)
        if wanted and "" not in self.by_country:
            place = self.by_country.get(wanted, {}).get(spelled)
            return place if place is not None else UnknownPostcode(postcode, country)
        found = {name: places[spelled] for name, places in self.by_country.items() if spelled in places}
        if len(found) == 1:
            return next(iter(found.values()))
        return UnknownPostcode(postcode, country, tuple(sorted(found)))


def normal(text: str) -> str:
    """Upper case, without spaces."""
    return "".join(text.split()).upper()


def load_postcodes(path: Path) -> Postcodes:
    """The table of a file in UTF-8. Raises MalformedPostcodes, which names line and field, and OSError."""
    # What is not UTF-8 becomes a character that no postcode or number has: the row's own check names its line.
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        return read_postcodes(file)


def read_postcodes(lines: Iterable[str]) -> Postcodes:
    """The table of a file's lines. Raises MalformedPostcodes, which names line and field."""
    reader = csv.reader(lines, strict=True)
    by_country: dict[str, dict[str, Place]] = {}
    rows = 0
    try:
        header = next(reader, [])
        columns = _columns(header)
        for row in reader:
            if not row:
                continue
            rows += 1
            if rows > POSTCODES_MAX:
                raise MalformedPostcodes(reader.line_num, "", f"more than {POSTCODES_MAX:,} postcodes")
            if len(row) != len(header):
                missing = next((name for name, index in columns.items() if index >= len(row)), "")
                fault = f"has {len(row)} fields, and the header {len(header)}"
                raise MalformedPostcodes(reader.line_num, missing, fault)
            country, postcode, place = _entry(reader.line_num, columns, row)
            places = by_country.setdefault(country, {})
            if postcode in places:
                raise MalformedPostcodes(reader.line_num, "postcode", f"{postcode!r} stands twice")
            places[postcode] = place
    except csv.Error as error:
        raise MalformedPostcodes(reader.line_num, "", f"is not CSV: {error}") from error
    return Postcodes(by_country)


def _columns(header: list[str]) -> dict[str, int]:
    """Where each column that is read stands."""
    titles = [title.strip().lower() for title in header]
    for name in (*_REQUIRED, _COUNTRY):
        if titles.count(name) > 1:
            raise MalformedPostcodes(1, name, "the header names this column twice")
        if name in _REQUIRED and name not in titles:
            raise MalformedPostcodes(1, name, f"the header names no such column; it needs {', '.join(_REQUIRED)}")
    return {name: titles.index(name) for name in (*_REQUIRED, _COUNTRY) if name in titles}


def _entry(line: int, columns: Mapping[str, int], row: list[str]) -> tuple[str, str, Place]:
    country = normal(row[columns[_COUNTRY]]) if _COUNTRY in columns else ""
    if _COUNTRY in columns and not country:
        raise MalformedPostcodes(line, _COUNTRY, "is empty")
    text = row[columns["postcode"]]
    postcode = normal(text)
    if not (0 < len(postcode) <= POSTCODE_CHARS_MAX and postcode.isascii() and postcode.isprintable()):
        fault = f"{text!r} is not 1 to {POSTCODE_CHARS_MAX} printable ASCII characters"
        raise MalformedPostcodes(line, "postcode", fault)
    latitude = _degrees(line, "latitude", row[columns["latitude"]], LATITUDE_MAX)
    longitude = _degrees(line, "longitude", row[columns["longitude"]], LONGITUDE_MAX)
    return country, postcode, Place(latitude, longitude)


def _degrees(line: int, field: str, text: str, most: float) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not -most <= value <= most:  # NaN is not
        raise MalformedPostcodes(line, field, f"{text!r} is not a number of degrees from {-most:g} to {most:g}")
    return value
