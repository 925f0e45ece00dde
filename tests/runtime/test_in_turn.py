"""`in_turn`: pages of at most so many numbers, round and round, so that those which stay keep no later one out."""

from actors.runtime.actor_runtime import in_turn


def test_all_of_a_few_are_given_in_their_sequence() -> None:
    assert in_turn([], 7, 3) == ([], 0)
    assert in_turn([5, 2, 9], 7, 3) == ([5, 2, 9], 0)


def test_many_are_given_by_number_and_round_and_round() -> None:
    stuck = {9: None, 2: None, 4: None, 7: None, 1: None}
    assert in_turn(stuck, 0, 2) == ([1, 2], 2)
    assert in_turn(stuck, 2, 2) == ([4, 7], 7)
    assert in_turn(stuck, 7, 2) == ([9, 1], 1)
    assert in_turn(stuck, 99, 2) == ([1, 2], 2)
    assert in_turn(stuck, 3, 4) == ([4, 7, 9, 1], 1)
