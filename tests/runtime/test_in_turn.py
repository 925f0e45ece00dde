"""`in_turn`: pages of at most so many numbers, round and round, so that those which stay keep no later one out."""

import random

from actors.core.ascending import RUN_MAX, Ascending, in_turn


def test_all_of_a_few_are_given_in_their_sequence() -> None:
    assert in_turn(7, 3, Ascending()) == ([], 0)
    assert in_turn(7, 3, Ascending([5, 2, 9])) == ([9, 2, 5], 0)
    assert in_turn(0, 3, Ascending([5]), Ascending(), Ascending([2, 9])) == ([2, 5, 9], 0)


def test_many_are_given_by_number_and_round_and_round() -> None:
    stuck = Ascending([9, 2, 4, 7, 1])
    assert in_turn(0, 2, stuck) == ([1, 2], 2)
    assert in_turn(2, 2, stuck) == ([4, 7], 7)
    assert in_turn(7, 2, stuck) == ([9, 1], 1)
    assert in_turn(99, 2, stuck) == ([1, 2], 2)
    assert in_turn(3, 4, stuck) == ([4, 7, 9, 1], 1)
    assert in_turn(3, 2, Ascending([1, 4]), Ascending([2, 4, 9])) == ([4, 9], 9)


def test_numbers_are_those_that_were_added_and_not_dropped_and_a_copy_stays() -> None:
    chance = random.Random(3)
    numbers, plain = Ascending(), set[int]()
    for step in range(6 * RUN_MAX):
        number = chance.randrange(4 * RUN_MAX)
        if chance.random() < (0.9 if step < 4 * RUN_MAX else 0.1):
            numbers[number] = None
            plain.add(number)
        else:
            numbers.discard(number)
            plain.discard(number)
        if step == 4 * RUN_MAX:
            copied, then = numbers.copied(), sorted(plain)
        if step % 97 == 0:
            after, most = chance.randrange(4 * RUN_MAX), chance.randrange(3 * RUN_MAX)
            round_it = sorted(plain, key=lambda each: (each <= after, each))
            assert (list(numbers), len(numbers), numbers.turn(after, most)) == (
                sorted(plain),
                len(plain),
                round_it[:most],
            )
    assert (list(copied), max(map(len, copied._runs)) <= RUN_MAX) == (then, True)


def test_a_copy_stays_also_where_the_last_run_goes_and_another_takes_its_place() -> None:
    numbers = Ascending()
    for number in range(1, RUN_MAX + 2):  # in two runs
        numbers[number] = None
    copied, then = numbers.copied(), list(numbers)
    for number in then[RUN_MAX // 2 :]:
        del numbers[number]
    numbers[9 * RUN_MAX] = None
    assert list(copied) == then
