"""Holding units: all lines or none, demand summed by SKU, safety stock kept back."""

import sys
from itertools import islice
from types import FrameType
from typing import Any

import pytest

from actors.core.packed import OF_CALL, Packed
from actors.core.policy import DAY_MS
from actors.shop.snapshot import Capture, restore
from actors.shop.transact import transact
from bench.samples import NOW_MS, reserves, stocked
from tests.shop.scenario import play
from tests.shop.watched import through_json

PAGES = {
    "units are held, and go back": """
        at   | said            | answer                        | events         | stock
        0:00 | receive A 10    | applied 1                     | StockAdjusted  | A 10/0
        0:01 | reserve ann A 3 | #2 HELD A 3 until 2:01        | Reserved       | A 10/3
        0:02 | reserve bob A 7 | #3 HELD A 7 until 2:02        | Reserved       | A 10/10
        0:03 | reserve cy A 1  | INSUFFICIENT_STOCK A 1 of 0   | Refused        | A 10/10
        0:04 | release #2      | #2 RELEASED A 3 -3 back OTHER | Released OTHER | A 10/7
        0:05 | reserve cy A 1  | #6 HELD A 1 until 2:05        | Reserved       | A 10/8
    """,
    "several lines, all or nothing": """
        at   | said                 | answer                                           | stock
        0:00 | receive A 5, B 2     | applied 2                                        | A 5/0, B 2/0
        0:01 | reserve ann A 5, B 3 | INSUFFICIENT_STOCK B 3 of 2                      | A 5/0, B 2/0
        0:02 | reserve ann A 6, B 3 | INSUFFICIENT_STOCK A 6 of 5 [A 6 of 5, B 3 of 2] | A 5/0, B 2/0
        0:03 | reserve ann A 5, B 2 | #4 HELD A 5, B 2 until 2:03                      | A 5/5, B 2/2
    """,
    "two lines of one SKU cannot both take the last unit": """
        at   | said                      | answer                           | stock
        0:00 | receive A 3, B 9          | applied 2                        | A 3/0, B 9/0
        0:01 | reserve ann A 2, A 2      | INSUFFICIENT_STOCK A 4 of 3      | A 3/0, B 9/0
        0:02 | reserve ann A 2, B 1, A 2 | INSUFFICIENT_STOCK A 4 of 3      | A 3/0, B 9/0
        0:03 | reserve ann A 2, B 1, A 1 | #4 HELD A 2, B 1, A 1 until 2:03 | A 3/3, B 9/1
        0:04 | reserve bob A 1           | INSUFFICIENT_STOCK A 1 of 0      | A 3/3, B 9/1
    """,
    "a SKU that was never stocked is named before one that is short": """
        at   | said                      | answer
        0:00 | receive A 3               | applied 1
        0:01 | reserve ann Z 1           | SKU_NOT_STOCKED Z 1 of 0
        0:02 | reserve ann A 4, Z 1, Y 1 | SKU_NOT_STOCKED Z 1 of 0 [A 4 of 3, Z 1 of 0, Y 1 of 0]
        0:03 | sell A 3                  | applied 1
        0:04 | reserve ann A 1           | INSUFFICIENT_STOCK A 1 of 0
    """,
    "safety stock is kept back, and promises above it are kept": """
        at   | said            | answer                      | events         | stock
        0:00 | receive A 5     | applied 1                   | StockAdjusted  | A 5/0
        0:01 | safety A 2      | applied 1                   | SafetyStockSet | A 5/0 keep 2
        0:02 | reserve ann A 4 | INSUFFICIENT_STOCK A 4 of 3 | Refused        | A 5/0 keep 2
        0:03 | reserve ann A 3 | #4 HELD A 3 until 2:03      | Reserved       | A 5/3 keep 2
        0:04 | safety A 4      | applied 1                   | SafetyStockSet | A 5/3 keep 4
        0:05 | reserve bob A 1 | INSUFFICIENT_STOCK A 1 of 0 | Refused        | A 5/3 keep 4
        0:06 | collect #4      | #4 COLLECTED A 3 -3 sold    | Collected      | A 2/0 keep 4
        0:07 | safety A 0      | applied 1                   | SafetyStockSet | A 2/0
        0:08 | reserve bob A 2 | #9 HELD A 2 until 2:08      | Reserved       | A 2/2
    """,
    "safety stock covers a sale over the counter before a promise is broken": """
        at   | said            | answer                 | events         | stock
        0:00 | receive A 5     | applied 1              | StockAdjusted  | A 5/0
        0:01 | safety A 2      | applied 1              | SafetyStockSet | A 5/0 keep 2
        0:02 | reserve ann A 3 | #3 HELD A 3 until 2:02 | Reserved       | A 5/3 keep 2
        0:03 | sell A 2        | applied 1              | StockAdjusted  | A 3/3 keep 2
    """,
    "a sold unit that comes back can be promised again": """
        at   | said            | answer                   | stock
        0:00 | receive A 1     | applied 1                | A 1/0
        0:01 | reserve ann A 1 | #2 HELD A 1 until 2:01   | A 1/1
        0:02 | collect #2      | #2 COLLECTED A 1 -1 sold | A 0/0
        0:03 | return A 1      | applied 1                | A 1/0
        0:04 | reserve bob A 1 | #5 HELD A 1 until 2:04   | A 1/1
    """,
}


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_page(page: str) -> None:
    play(page)


def test_what_reservations_have_in_common_is_one_object() -> None:
    """A million holds have to fit: a deadline of its own would be 32 bytes a hold, a channel's name 50."""
    ledger = play(
        """
        at   | said
        0:00 | receive A 9, B 9
        0:01 | reserve ann A 1 via web
        0:01 | reserve bob A 1 via web
        0:01 | reserve cyd A 2, B 1 via web
        0:01 | reserve dan A 2, B 1 via web
        0:01 | reserve eve B 1 via web
        """
    ).ledger
    for held in (ledger, restore(through_json(Capture(ledger)))):
        first, second, *several, other = held.reservations.values()
        assert first.expires_at_ms is second.expires_at_ms
        assert first.channel is second.channel
        assert first.lines is second.lines
        assert several[0].lines is several[1].lines
        assert [each.lines for each in (first, other)] == [(("A", 1),), (("B", 1),)]
        assert first.number is first.version


def test_shops_have_one_string_for_a_sku() -> None:
    """Five hundred shops with 20,000 SKUs would have 60 bytes for each, which no cache holds."""
    ledgers = [play("at | said\n0:00 | receive SHIRT 9\n0:01 | reserve ann SHIRT 1").ledger for _ in range(2)]
    ledgers.append(restore(through_json(Capture(ledgers[0]))))
    skus = [next(iter(each.positions)) for each in ledgers]
    assert skus[0] == "SHIRT"
    assert all(sku is skus[0] for sku in skus)
    assert all(held.lines[0][0] is skus[0] for each in ledgers for held in each.reservations.values())


def test_a_hold_of_one_line_takes_seven_calls() -> None:
    """Look the key up, decide, evolve, make it, apply and enter the key, in `transact`: one call more is 2 % of it. But
    for one key in 16 a bucket is split, too.
    """
    ledger, asked, called = stocked(1), reserves(1_600, 1, 1, 1), list[str]()
    for command in islice(asked, 10):  # the position's first one makes its lists
        transact(ledger, command, NOW_MS)

    def count(frame: FrameType, event: str, _: Any) -> None:
        if event == "call":
            called.append(frame.f_code.co_name)

    commands = list(islice(asked, 320))
    sys.setprofile(count)
    try:
        for command in commands:
            transact(ledger, command, NOW_MS)
    finally:
        sys.setprofile(None)
    assert ledger.open_reservations == 330
    assert len(called) - called.count("_split") == 7 * len(commands), set(called)


@pytest.mark.parametrize("about_bytes", [0, 1, 4])
@pytest.mark.parametrize("version", [1, 2**31, 2**32 - 1, 2**32, 2**39 - 1, OF_CALL | 1, OF_CALL | 2**32])
def test_an_entry_is_a_hash_a_version_and_what_it_is_about(about_bytes: int, version: int) -> None:
    """As snapshots have them: numbers begin with their greatest byte."""
    table = Packed(DAY_MS, DAY_MS, about_bytes=about_bytes)
    back = 200 if about_bytes else 0
    table.put(b"12345678", version, 0, back)
    [bucket] = table.captured()[1]
    assert bucket == b"12345678" + version.to_bytes(5, "big") + back.to_bytes(about_bytes, "big")
