"""The table of products: codes as scanners read them, places in shops, substitutes, and a file that changes."""

import asyncio
import csv
from pathlib import Path
from typing import Final

import pytest

from serve.products.codes import WrongCheckDigit, check_digit, gtin_of, spellings
from serve.products.table import (
    LOOKED_AT_EVERY_S,
    MalformedProducts,
    Place,
    ProductFile,
    load_products,
    read_products,
)
from tests.runtime.loop_time import SkippingLoop, skip

TABLE: Final = """sku,gtin,store_id,aisle,bay,photo_url,substitutes
milk,4006381333931,,3,12,https://example.org/milk.jpg,oat-milk soy-milk
milk,96385074,S2,1,2,,
oat-milk,036000291452,,3,13,,
cheese,00201041000008,,7,,,
"""


@pytest.mark.parametrize(
    ("text", "gtin"),
    [
        ("96385074", "00000096385074"),
        ("036000291452", "00036000291452"),
        ("4006381333931", "04006381333931"),
        ("10614141000415", "10614141000415"),
        ("1234567", ""),
        ("400638133393x", ""),
        ("٤٠٠٦٣٨١٣٣٣٩٣١", ""),
    ],
)
def test_a_gtin_is_of_one_of_four_lengths(text: str, gtin: str) -> None:
    assert gtin_of(text) == gtin


def test_a_digit_that_was_misread_is_told() -> None:
    with pytest.raises(WrongCheckDigit, match="4006381333932 has a wrong check digit, 1 would be right"):
        gtin_of("4006381333932")
    every = {digit for digit in "0123456789" if check_digit("400638133393") != digit}
    assert len(every) == 9


def test_the_measure_is_no_part_of_the_article() -> None:
    priced = "20104101699"
    assert list(spellings(gtin_of(priced + check_digit(priced)))) == [
        "00" + priced + check_digit(priced),
        "00201041000008",
    ]
    assert list(spellings("04006381333931")) == ["04006381333931"]
    inner = "2201041" + "01234"
    assert list(spellings(gtin_of(inner + check_digit(inner))))[1][:8] == "02201041"


def test_a_code_is_a_sku_by_the_table() -> None:
    products = read_products(TABLE.splitlines())
    scanned = ("4006381333931", "96385074", "036000291452", "milk", "0036000291452", "10614141000415", "bread")
    assert [products.sku_of(code) for code in scanned] == ["milk", "milk", "oat-milk", "milk", "oat-milk", "", ""]
    priced = "20104101699"
    assert products.sku_of(priced + check_digit(priced)) == "cheese"
    assert products.codes["milk"] == ("04006381333931", "00000096385074")
    assert products.place_of("S1", "milk") == Place("3", "12", "https://example.org/milk.jpg")
    assert products.place_of("S2", "milk") == Place("1", "2", "")
    assert products.place_of("S1", "bread") == Place("", "", "")
    assert products.substitutes == {"milk": ("oat-milk", "soy-milk")}


def test_the_codes_of_a_real_shop_are_read() -> None:
    """Those of a shop's own numbering, of variable measure and of makers; see the sources in the file's first lines."""
    rows = [row for row in REAL.splitlines()[1:] if row]
    products = read_products(["sku,gtin", *(f"{name},{code}" for code, name in csv.reader(rows))])
    assert [products.sku_of(code) for code, _ in csv.reader(rows)] == [name for _, name in csv.reader(rows)]


REAL: Final = """gtin14,description
00000000006040,CARROTS BULK ORG
00201041000008,SMOKED SALMON
00201120000004,GROUND BEEF 16%
00201201000008,ASIAN CAPELLINI
00201266000005,SW CORN PUDDING
"""


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("gtin\n4006381333931", "line 1: the header needs sku"),
        ("sku,sku\na,b", "line 1: the header needs sku"),
        ("sku,gtin\nmilk,4006381333932", "line 2: gtin 4006381333932 has a wrong check digit"),
        ("sku,gtin\nmilk,400", "line 2: gtin '400' is not 8, 12, 13 or 14 digits"),
        ("sku,gtin\nmilk,96385074\nbeer,96385074", "line 3: gtin 00000096385074 is milk's already"),
        ("sku,gtin\nmilk", "line 2: has 1 fields, and the header 2"),
        ("sku,aisle\n,3", "line 2: sku is empty"),
        ("sku,photo_url\nmilk,javascript:alert(1)", "line 2: photo_url begins with neither"),
        ('sku\n"milk', "is not CSV"),
    ],
)
def test_a_fault_is_named_by_its_line(text: str, fault: str) -> None:
    with pytest.raises(MalformedProducts) as raised:
        read_products(text.splitlines(keepends=True))
    assert fault in str(raised.value)


def test_a_file_is_read_again_once_it_has_changed(tmp_path: Path) -> None:
    path = tmp_path / "products.csv"
    path.write_text("sku\nmilk\n")

    async def main() -> list[list[str]]:
        file = ProductFile(path, load_products(path))
        found = [list((await file.now()).codes)]
        for text in ("sku\nmilk\nbread\n", "sku,sku\n", ""):
            skip(2 * LOOKED_AT_EVERY_S)
            path.write_text(text) if text else path.unlink()
            found.append(list((await file.now()).codes))
        return found

    with asyncio.Runner(loop_factory=SkippingLoop) as runner:
        assert runner.run(main()) == [["milk"], ["milk", "bread"], ["milk", "bread"], ["milk", "bread"]]
