"""A Bloom filter lacks nothing that was put into it, seems to have little else, and has a bound."""

import random
from array import array
from itertools import pairwise
from typing import Final

import pytest

from actors.core import bloom
from actors.core.bloom import BITS_A_NUMBER, BITS_MIN, Bloom, names_having
from actors.core.packed import Packed, hash_of
from actors.core.policy import DAY_MS
from actors.shop.hot.keys import HEAD_BYTES, numbers_of

FULL: Final = BITS_MIN // BITS_A_NUMBER


def drawn(count: int, seed: int = 1) -> "array[int]":
    chance = random.Random(seed)
    return array("I", (chance.getrandbits(32) for _ in range(count)))


@pytest.mark.parametrize("pieces", [1, 5, 40])
def test_it_lacks_none_and_seems_to_have_few_others(pieces: int) -> None:
    numbers, known = drawn(20_000), Bloom()
    size = len(numbers) // pieces
    for first in range(0, len(numbers), size):
        known.add(numbers[first : first + size])
    assert all(number in known for number in numbers)
    others = drawn(20_000, seed=2)
    assert sum(number in known for number in others) < len(others) / 200
    assert names_having(numbers[0], [("A", Bloom()), ("B", known)]) == ["B"]
    assert sum(len(names_having(number, [("A", known), ("B", known)])) for number in others) < len(others) / 100


def test_what_is_there_takes_no_room() -> None:
    numbers, known = drawn(5_000), Bloom()
    known.add(numbers)
    told = known.count, known.byte_count()
    for _ in range(9):
        known.add(numbers)
    assert (known.count, known.byte_count()) == told


def test_each_of_its_filters_has_room_for_twice_as_many() -> None:
    numbers, known = drawn(60 * FULL), Bloom()
    for number in numbers:
        known.add([number])
    sizes = [len(bits) for bits, _ in known.filters]
    assert len(sizes) > 3
    assert all(later == 2 * former for former, later in pairwise(sizes))
    assert 8 * known.byte_count() <= 4 * BITS_A_NUMBER * len(numbers)


def test_it_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond it seems to have more and more, and still lacks none."""
    monkeypatch.setattr(bloom, "BITS_MAX", 4 * BITS_MIN)
    numbers, known = drawn(40 * FULL), Bloom()
    for first in range(0, len(numbers), FULL):
        known.add(numbers[first : first + FULL])
    assert 8 * known.byte_count() == 7 * BITS_MIN
    assert all(number in known for number in numbers)


def test_the_heads_of_a_table_are_read_in_pieces_while_it_grows() -> None:
    """Whatever was there when somebody began to read is among them."""
    table = Packed(DAY_MS, 8 * DAY_MS)
    before = [hash_of(f"k{number}") for number in range(1_000)]
    for version, hashed in enumerate(before, 1):
        table.put(hashed, version, 0)
    found: set[int] = set()
    first, version, pieces = 0, len(before), 0
    while True:
        heads, first = table.heads(HEAD_BYTES, first, 3)
        found.update(numbers_of(heads))
        pieces += 1
        if not first:
            break
        for _ in range(40 if pieces < 100 else 0):  # two buckets more, between two pieces
            version += 1
            table.put(hash_of(f"k{version}"), version, 0)
    assert pieces > len(before) // 16 // 3
    assert found >= {*numbers_of(b"".join(hashed[:HEAD_BYTES] for hashed in before))}
