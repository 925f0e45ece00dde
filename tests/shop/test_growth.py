"""Tables of what is held grow a few entries at a time, however many there are, and say the same as plain ones."""

import random
from collections.abc import Iterator
from typing import Any

import pytest

from actors.core.ascending import FEW, Ascending
from actors.core.linear_hash import BUCKET_ENTRIES, LARGE, MOVED_AT_ONCE, LinearHash, in_sequence
from actors.core.policy import HOUR_MS
from actors.shop.commands import Reserve
from actors.shop.invariants import check
from actors.shop.snapshot import Capture, restore
from actors.shop.state import Ledger
from tests.shop.scenario_text import command_of, instant
from tests.shop.watched import DAY_ZERO_MS, Watched

TABLES = ("reservations", "customers", "baskets", "expiry_runs", "holders", "parts_in_slots")


class Key(int):
    """A number that counts how often it is looked at to be put somewhere."""

    hashed = 0

    def __hash__(self) -> int:
        Key.hashed += 1
        return super().__hash__()


def most_looked_at(count: int) -> int:
    """The most keys that are looked at to enter one, of so many, beside half as many that were handed over."""
    table = LinearHash(dict.fromkeys(map(Key, range(count // 2)), 0))
    most = 0
    for number in range(count // 2, count):
        before = Key.hashed
        table[Key(3 * number)] = number
        most = max(most, Key.hashed - before)
    assert len(table) == count == len(list(table))
    assert max(map(len, table.buckets()[:-1])) < 8 * BUCKET_ENTRIES
    return most


def test_to_enter_one_a_bucket_is_looked_at_however_many_there_are() -> None:
    looked = [most_looked_at(count) for count in (40_000, 160_000)]
    assert max(looked) < 2 * 8 * BUCKET_ENTRIES + 9 * MOVED_AT_ONCE
    assert 2 * looked[0] >= looked[1]


def test_a_table_says_what_a_plain_one_says() -> None:
    chance = random.Random(7)
    plain = {number: str(number) for number in range(20_000)}
    table = LinearHash(dict(plain))
    for _ in range(100_000):
        number = chance.randrange(60_000)
        match chance.randrange(4):
            case 0:
                plain[number] = table[number] = f"n{chance.random()}"
            case 1:
                assert plain.pop(number, None) == table.pop(number, None)
            case 2:
                assert plain.setdefault(number, "new") == table.setdefault(number, "new")
            case _:
                assert (plain.get(number), number in plain) == (table.get(number), number in table)
    assert (table == plain, len(table)) == (True, len(plain))
    assert len(table.buckets()) > 4
    assert list(in_sequence(table)) == sorted(plain)
    with pytest.raises(KeyError):
        table[-1]
    with pytest.raises(KeyError):
        del table[-1]


def said(count: int) -> Iterator[tuple[str, str]]:
    """When, and what: holds of many customers and baskets, parts with and without a slot, and what ends them."""
    chance = random.Random(count)
    yield "0:00", "receive A 900, B 900"
    for number in range(count):
        yield "1:00", f"reserve c{number % 7} A 1" + (f" basket b{number % 3}" if number % 2 else "")
        yield "1:00", f"claim o{number} c{number % 5} B 1"
        if number % 2:
            yield "1:00", f"apply o{number} 1 HELD until 3:00"
        if number % 3 == 0:
            yield "1:00", f"release #{chance.randrange(2, 2 * number + 3)}"


def played(count: int, *, large: bool) -> Watched:
    watched = Watched()
    for name in TABLES if large else ():
        setattr(watched.ledger, name, LinearHash(getattr(watched.ledger, name)))
    for place, (at, text) in enumerate(said(count)):
        watched.say(command_of(text, f"k{place}"), instant(at))
    return watched


def test_tables_are_large_from_one_step_on_and_each_by_itself() -> None:
    ledger = Ledger("S1")
    ledger.baskets.update({("ann", str(number)): number for number in range(LARGE + 1)})
    ledger.holders.update({str(number): number for number in range(LARGE)})
    ledger.spread()
    assert type(ledger.baskets) is dict, "of no reservations there are no more of these"
    of_none: Any = dict.fromkeys(range(LARGE + 1))
    ledger.reservations = of_none
    ledger.spread()
    assert {name for name in TABLES if type(getattr(ledger, name)) is LinearHash} == {"reservations", "baskets"}


def test_a_ledger_of_large_tables_decides_and_is_captured_as_one_of_plain_ones() -> None:
    large, plain = played(60, large=True), played(60, large=False)
    assert {type(getattr(large.ledger, name)) for name in TABLES} == {LinearHash}
    assert Capture(large.ledger).state_hash() == Capture(plain.ledger).state_hash()
    assert check(large.ledger) == []
    rows = list(Capture(large.ledger).rows())
    assert list(Capture(restore(iter(rows))).rows()) == rows


def test_changes_while_a_snapshot_is_read_are_put_in_a_large_table() -> None:
    watched = played(20, large=True)
    capture = Capture(watched.ledger)
    capture.freeze()
    rows = list(capture.rows())
    for number in range(50):
        watched.say(command_of(f"reserve d{number} A 1", f"d{number}"), instant("1:01"))
    assert list(capture.rows()) == rows
    while not capture.thaw(3):
        pass
    assert type(watched.ledger.reservations) is LinearHash
    assert check(watched.ledger) == []


def test_one_customer_of_very_many_holds_is_indexed_in_runs() -> None:
    """A marketplace that places all of its orders as one customer."""
    watched = Watched()
    watched.say(command_of("receive A 9999", "r"), DAY_ZERO_MS)
    ledger: Ledger = watched.ledger
    for number in range(FEW + 2):
        watched.say(Reserve(f"k{number}", "ann", "web", "", (("A", 1),), HOUR_MS), DAY_ZERO_MS)
    assert type(ledger.customers["ann"]) is Ascending
    first = ledger.version - FEW
    watched.say(command_of(f"release #{first}", "one"), DAY_ZERO_MS)
    assert [each.number for each in ledger.live_of_customer("ann")] == [
        number for number in range(first - 1, ledger.version) if number != first
    ]
    assert check(ledger) == []
