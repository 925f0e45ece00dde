"""Histories of a position and of a reservation: those made from a sequential run are accepted, and refused once a lie
is planted in them.
"""

from collections.abc import Callable
from random import Random
from typing import Any

from hypothesis import given, strategies as st

from bench.faults.linearizability import Operation, Outcome, Verdict, check
from bench.faults.stock import (
    POOL,
    POSITION,
    RESERVATION,
    STEPS,
    Expire,
    GiveBack,
    HandOver,
    Look,
    Make,
    Receive,
    See,
    Short,
    Step,
    StepRefused,
    Take,
    Taken,
    Units,
)
from holdfast.client import Status

STRIDE = 10  # between the instants at which operations take effect
SEEDS = st.integers(0, 2**32 - 1)
REACH = 60  # how far a call or a return may lie from that

Exchange = tuple[Any, Any]  # what was asked, and what was said


def honest(state: Units, asked: Any) -> tuple[Units, Any]:
    """What a right service does, written once more and plainly."""
    on_hand, reserved = state
    match asked:
        case Receive(units):
            return Units(on_hand + units, reserved), None
        case Take(units):
            free = on_hand - reserved
            return (state, Short(free)) if units > free else (Units(on_hand, reserved + units), Taken())
        case GiveBack(units):
            return Units(on_hand, reserved - units), None
        case HandOver(units):
            return Units(on_hand - units, reserved - units), None
        case _:
            return state, state


def sequential(draw: Random) -> list[Exchange]:
    """A run of one position, one call after the other; at its end everybody can look."""
    state, run, held = Units(0, 0), list[Exchange](), list[int]()
    for _ in range(draw.randint(3, 25)):
        asked: Any = draw.choice([Receive(3), Take(1), Take(2), Look(), GiveBack(0), HandOver(0)])
        if isinstance(asked, GiveBack | HandOver):
            if not held:
                continue
            asked = type(asked)(held.pop(draw.randrange(len(held))))
        state, said = honest(state, asked)
        if said == Taken():
            held.append(asked.units)
        run.append((asked, said))
    return [*run, (Look(), state)]


def spread(draw: Random, run: list[Exchange], alone: int | None = None) -> list[Operation]:
    """The run as its callers see it: each call and return at some distance from its effect, but for `alone`, beside
    which nothing is under way; the last begins when all the others have ended.
    """
    history = []
    for number, (asked, said) in enumerate(run):
        at = STRIDE * number
        called, returned = at - draw.randint(1, REACH), at + draw.randint(1, REACH)
        if alone is not None:
            apart = STRIDE * alone
            called = max(called, apart + 2) if number > alone else called
            returned = min(returned, apart - 2) if number < alone else returned
            called, returned = (at - 1, at + 1) if number == alone else (called, returned)
        history.append(Operation(f"caller {number}", called, returned, asked, said))
    end = STRIDE * len(run) + REACH
    return [*history[:-1], history[-1]._replace(called=end + 1, returned=end + 2)]


@given(SEEDS)
def test_what_a_right_position_says_is_linearizable_however_its_calls_overlap(seed: int) -> None:
    draw = Random(seed)
    history = spread(draw, sequential(draw))
    assert check(history, POSITION).holds
    assert check(history, POOL).holds


@given(SEEDS)
def test_callers_who_gave_up_change_nothing_about_that(seed: int) -> None:
    draw = Random(seed)
    history = spread(draw, sequential(draw))
    given_up = draw.sample(range(len(history)), min(3, len(history)))
    told = [
        each._replace(returned=None, said=None) if number in given_up and not isinstance(each.said, Short) else each
        for number, each in enumerate(history)
    ]
    assert check(told, POSITION).holds


def lied(
    seed: int, is_place: Callable[[Exchange], bool], lie: Callable[[list[Exchange], int], list[Exchange] | None]
) -> Verdict[Units] | None:
    """Plant a lie at a place of that kind, where there is one, beside which nothing is under way: it is found."""
    draw = Random(seed)
    run = sequential(draw)
    places = [number for number, told in enumerate(run[:-1]) if is_place(told)]
    if not places:
        return None
    place = draw.choice(places)
    run_with_it = lie(run, place)
    if run_with_it is None:
        return None
    verdict = check(spread(draw, run_with_it, place), POSITION)
    assert verdict.outcome is Outcome.VIOLATED
    return verdict


def again(run: list[Exchange], state: Units) -> list[Exchange]:
    """The same questions, answered from another state on."""
    told = []
    for asked, _ in run:
        state, said = honest(state, asked)
        told.append((asked, said))
    return told


def state_before(run: list[Exchange], place: int) -> Units:
    state = Units(0, 0)
    for asked, _ in run[:place]:
        state, _ = honest(state, asked)
    return state


@given(SEEDS)
def test_a_stale_read_is_found(seed: int) -> None:
    def stale(run: list[Exchange], place: int) -> list[Exchange] | None:
        old = [state_before(run, earlier) for earlier in range(place)]
        older = [state for state in old if state != run[place][1]]
        return [*run[:place], (Look(), older[-1]), *run[place + 1 :]] if older else None

    lied(seed, lambda told: told[0] == Look(), stale)


@given(SEEDS)
def test_a_unit_sold_twice_is_found(seed: int) -> None:
    def double(run: list[Exchange], place: int) -> list[Exchange]:
        return [*run[:place], (run[place][0], Taken()), *run[place + 1 :]]

    lied(seed, lambda told: isinstance(told[1], Short), double)


@given(SEEDS)
def test_a_lost_answer_is_found(seed: int) -> None:
    def lost(run: list[Exchange], place: int) -> list[Exchange] | None:
        rest = run[place + 1 :]
        if any(isinstance(asked, GiveBack | HandOver) for asked, _ in rest):
            return None  # the next life of its units would cover it
        return [*run[: place + 1], *again(rest, state_before(run, place))]

    lied(seed, lambda told: told[1] == Taken(), lost)


@given(SEEDS)
def test_a_refusal_with_units_there_is_found(seed: int) -> None:
    def refused(run: list[Exchange], place: int) -> list[Exchange]:
        (asked, _), before = run[place], state_before(run, place)
        return [*run[:place], (asked, Short(asked.units - 1)), *again(run[place + 1 :], before)]

    lied(seed, lambda told: told[1] == Taken(), refused)


def test_a_pool_may_refuse_while_it_has_some_and_sells_none_twice() -> None:
    refused = Operation("a", 2, 3, Take(1), Short(0))
    history = [Operation("w", 0, 1, Receive(1), None), refused, Operation("b", 4, 5, Take(1), Taken())]
    assert check(history, POOL).holds
    assert not check(history, POSITION).holds
    assert not check([*history, Operation("c", 6, 7, Take(1), Taken())], POOL).holds


# --- reservations ----------------------------------------------------------------------------------------------------


@given(SEEDS)
def test_the_life_of_a_reservation_is_accepted_and_refused_once_it_goes_on_after_its_end(seed: int) -> None:
    draw, status, run = Random(seed), Status.HELD, list[Exchange]([(Make(), None)])
    while status in STEPS:
        to = draw.choice(STEPS[status])
        run.append((Expire(), None) if to is Status.EXPIRED else (Step(to), to))
        run.append((See(), to))
        status = to
    run.append((Step(Status.COLLECTED), StepRefused(status)))
    assert check(spread(draw, run), RESERVATION).holds
    for lie in ((Step(Status.COLLECTED), Status.COLLECTED), (See(), Status.HELD), (Expire(), None)):
        assert not check(spread(draw, [*run[:-1], lie]), RESERVATION).holds


def test_what_is_asked_differs_by_its_kind() -> None:
    assert (
        len({Receive(1), Take(1), GiveBack(1), HandOver(1), Short(1), Look(), Make(), See(), Expire(), Taken()}) == 10
    )
