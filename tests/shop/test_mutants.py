"""A checker that cannot fail proves nothing: a core with one thing wrong, and the checkers that must catch it.

Each mutant is the real core with one of its parts exchanged. Its page is one on which the real core is spotless.
"""

from typing import Final, NamedTuple

import pytest

from actors.core.policy import LimitRule, Policy
from actors.shop.invariants import check
from tests.mutating import run_mutant
from tests.shop import mutants as wrong, mutants_parts as wrong_in_parts
from tests.shop.compared import indexes, indexes_of, plain
from tests.shop.model import Model
from tests.shop.scenario import read
from tests.shop.scenario_text import command_of, instant
from tests.shop.strategies import ONE_PLACE
from tests.shop.test_machine import LedgerMachine
from tests.shop.watched import Core, Watched, assembled

LIMITED = Policy(version=1, limit_rules=(LimitRule("", "", 0, 2),))
PLACED = Policy(version=1, calendar=ONE_PLACE)
ONE_OF_WEB = Policy(version=1, limit_rules=(LimitRule("web", "", 0, 1),))
ONE_OPEN = Policy(version=1, calendar=ONE_PLACE, limit_rules=(LimitRule("", "", 1, 0),))


class Mutant(NamedTuple):
    """A core with one thing wrong, a page that shows it, and who must notice."""

    core: Core
    caught_by: set[str]
    page: str
    policy: Policy | None = None


OPENING = "at | said\n 0:00 | receive A 3, B 3\n"
TIGHT = OPENING + "0:01 | reserve ann A 2\n 0:02 | reserve bob A 2"
DOUBLE = OPENING + "0:01 | reserve ann A 2, A 2"
BASKET = OPENING + "0:01 | reserve ann A 2 basket b\n 0:02 | reserve ann A 3 basket b"
LIMIT = OPENING + "0:01 | reserve ann B 2\n 0:02 | reserve ann B 1"
SHORTFALL = OPENING + "0:01 | reserve ann A 3\n 0:02 | count A 1\n 0:03 | receive A 1"
TWO_LINES = OPENING + "0:01 | reserve ann A 1, B 1\n 0:02 | reserve ann B 1"
LIFE = OPENING + "0:01 | reserve ann A 3\n 0:02 | confirm #2\n 0:03 | confirm #2\n 0:04 | collect #2"
RELEASE = OPENING + "0:01 | reserve ann A 2\n 0:02 | release #2\n 0:03 | reserve bob A 1"
RETURN = LIFE + "\n 0:05 | return #2\n 0:06 | return #2\n 0:07 | reserve bob A 3"
RETRY = OPENING + "0:01 | k: reserve ann A 1\n 0:02 | confirm #2\n 0:03 | k: reserve ann A 1"
OTHER = OPENING + "0:01 | k: reserve ann A 1\n 0:03 | k: reserve ann A 2"
LATE_RETRY = OPENING + "0:01 | k: reserve ann A 1\n 1:10 | receive A 1\n 1:30 | k: reserve ann A 1"
DEADLINE = OPENING + "0:01 | reserve ann A 3 for 1m\n 0:01:59.500 | confirm #2\n 0:03 | wait"
AT_DEADLINE = OPENING + "0:01 | reserve ann A 3 for 1m\n 0:02 | confirm #2"
CONFIRMED_DEADLINE = OPENING + "0:01 | reserve ann A 3\n 0:02 | confirm #2 within 1m\n 0:03 | reserve bob A 1"
COUNT = OPENING + "0:10 | sell A 1\n 0:20 | count A 3 as of 0:05"
COUNT_HOLDS = OPENING + "0:10 | reserve ann A 1\n 0:20 | count A 2 without holds"
SEEN = OPENING + "0:20 | count A 2\n 0:30 | sell A 1 at 0:10"
ROWS = OPENING + "0:01 | receive A 1 from x row 1\n 0:02 | receive A 1 from x row 1"
PART = OPENING + "0:01 | claim o1 ann A 2, A 1\n 0:02 | apply o1 2 CONFIRMED until 1:00\n"
BESIDE_A_CLAIM = OPENING + "0:01 | claim o1 ann A 2\n 0:02 | reserve bob A 2"
LATE_WORD = PART + "0:03 | apply o1 1 RELEASED"
WAY_BACK = PART + "0:03 | apply o1 3 HELD until 2:00"
KEEP = PART + "0:03 | apply o1 3 CONFIRMED until 2:00 keep A 2"
OVER = PART + "0:03 | apply o1 3 RELEASED\n 0:04 | reserve bob A 1"
UNDELIVERED = PART + "0:03 | ready #2\n 0:04 | acknowledge #2 3"
PARTS_DEADLINE = PART + "1:01 | wait"
CONFIRM_PART = OPENING + "0:01 | claim o1 ann A 2\n 0:02 | apply o1 2 HELD until 1:00\n 0:03 | confirm #2"
LATE_CLAIM = OPENING + "0:01 | apply o1 3 RELEASED\n 0:02 | claim o1 ann A 2"
PLACE = OPENING + "0:01 | reserve ann A 1 slot 10:00\n 0:02 | claim o1 bob A 1 slot 10:00"
TWO_PARTS = OPENING + "0:01 | claim o1.1 ann A 1 slot 10:00\n 0:02 | claim o1.2 ann B 1 slot 10:00\n"
ONE_PART_GOES = TWO_PARTS + "0:03 | apply o1.1 1 RELEASED\n 0:04 | claim o2.1 bob A 1 slot 10:00"
TWO_ORDERS = OPENING + "0:01 | claim o1.1 ann A 1\n 0:02 | claim o2.1 ann B 1"
OF_APP = OPENING + "0:01 | claim o1.1 ann A 2 via app\n 0:02 | apply o1.1 1 HELD until 1:00 via app\n"
WHOLE = OF_APP + "0:03 | claim o1.2 ann of all A 2"
NEW_CHANNEL = OF_APP + "0:03 | apply o1.1 2 HELD until 1:00 keep A 1 via web\n 0:04 | reserve ann A 1"
MORE = OPENING + "0:01 | reserve ann A 2\n 0:02 | reserve bob A 1\n 0:03 | amend #2 A 3"
OVER_LIMIT = OPENING + "0:01 | reserve ann B 2\n 0:02 | amend #3 B 3"
TAKEN = OPENING + "0:01 | reserve ann A 1 slot 10:00\n 0:02 | reserve bob A 1 slot 11:00\n 0:03 | amend #4 slot 10:00"
MOVED = OPENING + "0:01 | reserve ann A 1 slot 10:00\n 0:02 | amend #3 slot 11:00"
LESS = OPENING + "0:01 | reserve ann A 3\n 0:02 | amend #2 A 2\n 0:03 | reserve bob A 1"

# What was decided is wrong, and so are the ledger and its journal.
BOTH_BOOKS = {"invariants", "audit", "model"}
# The journal is right, and the ledger does not follow it.
ALL_BUT_AUDIT = {"invariants", "compare", "replay", "model"}
# No row of a snapshot says it, so neither a hash nor a replay can differ.
IN_INDEXES = {"invariants", "model"}

MUTANTS = {
    "off by one in stock": Mutant(assembled(decided=wrong.off_by_one_in_stock), BOTH_BOOKS, TIGHT),
    "lines unsummed": Mutant(assembled(decided=wrong.takes_lines_unsummed), BOTH_BOOKS, DOUBLE),
    "limit ignored": Mutant(assembled(decided=wrong.ignores_the_limit), {"audit", "model"}, LIMIT, LIMITED),
    "replaced hold kept": Mutant(assembled(decided=wrong.keeps_the_replaced_hold), BOTH_BOOKS, BASKET),
    "silent shortfall": Mutant(assembled(decided=wrong.silent_in_a_shortfall), BOTH_BOOKS, SHORTFALL),
    "loss not released": Mutant(assembled(decided=wrong.declares_and_does_not_release), BOTH_BOOKS, SHORTFALL),
    "confirmed twice": Mutant(assembled(decided=wrong.confirms_what_is_confirmed), {"audit", "model"}, LIFE),
    "one unit stays behind": Mutant(assembled(decided=wrong.collects_half), {"model"}, LIFE),
    "clock read late": Mutant(
        assembled(decided=wrong.reads_the_clock_late, falling_due=wrong.expires_a_millisecond_late),
        {"audit", "model"},
        AT_DEADLINE,
    ),
    "count as of now": Mutant(assembled(decided=wrong.counts_without_regard_to_when), {"model"}, COUNT),
    "holds counted twice": Mutant(assembled(decided=wrong.counts_holds_always), {"model"}, COUNT_HOLDS),
    "seen sale subtracted again": Mutant(assembled(decided=wrong.sells_a_seen_unit_again), {"model"}, SEEN),
    "row applied again": Mutant(assembled(decided=wrong.applies_a_row_again), {"audit", "model"}, ROWS),
    "not released": Mutant(assembled(evolved=wrong.forgets_to_release), ALL_BUT_AUDIT, RELEASE),
    "half a reservation": Mutant(assembled(evolved=wrong.holds_the_first_line_only), ALL_BUT_AUDIT, TWO_LINES),
    "sold and still there": Mutant(assembled(evolved=wrong.leaves_sold_units_on_hand), ALL_BUT_AUDIT, LIFE),
    "sold and not booked": Mutant(assembled(evolved=wrong.sells_without_booking), {"invariants", "replay"}, LIFE),
    "returned twice": Mutant(assembled(decided=wrong.takes_back_twice), {"audit", "model"}, RETURN),
    "returned and not there": Mutant(assembled(evolved=wrong.takes_back_without_booking), ALL_BUT_AUDIT, RETURN),
    "customer lost": Mutant(assembled(evolved=wrong.loses_a_customer), {"invariants"}, TIGHT),
    "state out of nothing": Mutant(assembled(evolved=wrong.takes_time_from_elsewhere), {"replay"}, TIGHT),
    "key skipped": Mutant(assembled(recall=wrong.skips_the_key), {"audit", "model"}, RETRY),
    "key without content": Mutant(assembled(recall=wrong.takes_any_content_for_the_same), {"model"}, OTHER),
    "answer of today": Mutant(assembled(recall=wrong.answers_as_it_is_now), {"model"}, RETRY),
    "key forgotten early": Mutant(assembled(recall=wrong.forgets_after_an_hour), {"audit", "model"}, LATE_RETRY),
    "expired early": Mutant(assembled(falling_due=wrong.expires_a_second_early), {"audit", "model"}, DEADLINE),
    "expired late": Mutant(assembled(falling_due=wrong.expires_a_millisecond_late), {"model"}, AT_DEADLINE),
    "orders never expire": Mutant(assembled(falling_due=wrong.expires_held_only), {"model"}, CONFIRMED_DEADLINE),
    "late word applied": Mutant(assembled(decided=wrong_in_parts.applies_any_outcome), {"audit", "model"}, LATE_WORD),
    "refused beside a claim": Mutant(
        assembled(decided=wrong_in_parts.refuses_what_may_come_free), {"model"}, BESIDE_A_CLAIM
    ),
    "part led back": Mutant(assembled(decided=wrong_in_parts.leads_a_part_back), {"audit", "model"}, WAY_BACK),
    "kept by line": Mutant(assembled(decided=wrong_in_parts.keeps_so_many_of_each_line), {"model"}, KEEP),
    "claim without a place": Mutant(
        assembled(decided=wrong_in_parts.claims_without_a_place), {"audit", "model"}, PLACE, PLACED
    ),
    "second part counted again": Mutant(
        assembled(decided=wrong_in_parts.counts_a_second_part_again), {"model"}, TWO_PARTS, PLACED
    ),
    "second part over a limit": Mutant(
        assembled(decided=wrong_in_parts.counts_a_second_part_again), {"model"}, TWO_PARTS, ONE_OPEN
    ),
    "orders not counted": Mutant(
        assembled(decided=wrong_in_parts.counts_no_order), {"audit", "model"}, TWO_ORDERS, ONE_OPEN
    ),
    "claimed without the whole": Mutant(
        assembled(decided=wrong_in_parts.claims_without_the_whole), {"audit", "model"}, WHOLE, ONE_OF_WEB
    ),
    "channel left out": Mutant(
        assembled(decided=wrong_in_parts.leaves_the_channel_out), {"model"}, NEW_CHANNEL, ONE_OF_WEB
    ),
    "old channel kept": Mutant(
        assembled(evolved=wrong_in_parts.stays_in_its_channel), {"audit", "replay", "model"}, NEW_CHANNEL, ONE_OF_WEB
    ),
    "place by part": Mutant(assembled(evolved=wrong_in_parts.gives_each_part_a_place), IN_INDEXES, TWO_PARTS, PLACED),
    "place left with the first part": Mutant(
        assembled(evolved=wrong_in_parts.leaves_with_the_first_part), {*IN_INDEXES, "audit"}, ONE_PART_GOES, PLACED
    ),
    "noted unapplied": Mutant(assembled(decided=wrong_in_parts.notes_what_was_not_applied), {"model"}, UNDELIVERED),
    "part confirmed in its shop": Mutant(
        assembled(decided=wrong_in_parts.confirms_a_part), {"audit", "model"}, CONFIRM_PART
    ),
    "amended to what is not there": Mutant(
        assembled(decided=wrong_in_parts.amends_whatever_is_asked), BOTH_BOOKS, MORE
    ),
    "amended over a limit": Mutant(
        assembled(decided=wrong_in_parts.amends_whatever_is_asked), {"audit", "model"}, OVER_LIMIT, LIMITED
    ),
    "amended into a full slot": Mutant(
        assembled(decided=wrong_in_parts.amends_whatever_is_asked), {"audit", "model"}, TAKEN, PLACED
    ),
    "old hold kept": Mutant(assembled(evolved=wrong_in_parts.forgets_the_old_hold), ALL_BUT_AUDIT, LESS),
    "old place kept": Mutant(assembled(evolved=wrong_in_parts.keeps_the_old_place), IN_INDEXES, MOVED, PLACED),
    "outbox empty": Mutant(assembled(evolved=wrong_in_parts.leaves_the_outbox_empty), {"replay", "model"}, UNDELIVERED),
    "held by who released it": Mutant(assembled(evolved=wrong.keeps_who_held_it), {"invariants"}, RELEASE),
    "undecided for ever": Mutant(assembled(evolved=wrong_in_parts.stays_undecided), IN_INDEXES, PART),
    "revision forgotten": Mutant(assembled(evolved=wrong_in_parts.forgets_what_it_applied), {"replay", "model"}, PART),
    "order over, units held": Mutant(
        assembled(evolved=wrong_in_parts.holds_what_its_order_gave_back), ALL_BUT_AUDIT, OVER
    ),
    "claimed after the end": Mutant(
        assembled(recall=wrong_in_parts.claims_after_the_end), {"audit", "model"}, LATE_CLAIM
    ),
    "parts expire": Mutant(assembled(falling_due=wrong_in_parts.expires_parts_too), {"audit", "model"}, PARTS_DEADLINE),
}


def noticed(core: Core, page: str, policy: Policy | None) -> set[str]:
    """Who complains of a core on a page: each of the checkers by name, and the model."""
    watched, model = Watched(policy, core), Model("S1")
    if policy is not None:
        model.policy, model.events = policy, 1
    noticing: set[str] = set()
    for index, line in enumerate(read(page)[1]):
        at_ms = instant(line.at)
        if line.said == "wait":
            model.expire(watched.wait(at_ms))
        else:
            key, _, text = line.said.rpartition(": ")
            command = command_of(text, key or f"line {index}", at_ms)
            if plain(watched.say(command, at_ms).answer) != model.say(command, at_ms):
                noticing.add("model")
        if watched.stock() != model.stock() or watched.ledger.version != model.events:
            noticing.add("model")
        if indexes(watched.ledger) != indexes_of(watched.ledger.reservations.values(), model):
            noticing.add("model")
        if check(watched.ledger):
            noticing.add("invariants")
    return noticing | {complaint.partition(":")[0] for complaint in watched.complaints()}


@pytest.mark.parametrize("name", MUTANTS)
def test_the_mutant_is_caught(name: str) -> None:
    mutant = MUTANTS[name]
    assert noticed(mutant.core, mutant.page, mutant.policy) >= mutant.caught_by


@pytest.mark.parametrize("name", MUTANTS)
def test_the_real_core_is_spotless_on_its_page(name: str) -> None:
    for core in (assembled(), Core()):
        assert noticed(core, MUTANTS[name].page, MUTANTS[name].policy) == set()


BY_THE_MACHINE: Final[dict[str, Core]] = {
    "stock": assembled(decided=wrong.off_by_one_in_stock),
    "release": assembled(evolved=wrong.forgets_to_release),
    "key": assembled(recall=wrong.skips_the_key),
    "deadline": assembled(falling_due=wrong.expires_a_millisecond_late),
    "late word": assembled(decided=wrong_in_parts.applies_any_outcome),
    "claim": assembled(decided=wrong_in_parts.refuses_what_may_come_free),
    "note": assembled(decided=wrong_in_parts.notes_what_was_not_applied),
    "amendment": assembled(decided=wrong_in_parts.amends_whatever_is_asked),
    "place": assembled(evolved=wrong_in_parts.keeps_the_old_place),
    "outbox": assembled(evolved=wrong_in_parts.leaves_the_outbox_empty),
    "second part": assembled(decided=wrong_in_parts.counts_a_second_part_again),
    "place by part": assembled(evolved=wrong_in_parts.gives_each_part_a_place),
    "late claim": assembled(recall=wrong_in_parts.claims_after_the_end),
    "part's deadline": assembled(falling_due=wrong_in_parts.expires_parts_too),
}
SEEDS: Final[dict[str, int]] = {
    "late word": 6,
    "place": 2,
    "second part": 2,
    "part's deadline": 6,
}


@pytest.mark.parametrize("name", BY_THE_MACHINE)
def test_the_machine_finds_a_mutant_by_itself(name: str) -> None:
    machine = type("MutantMachine", (LedgerMachine,), {"core": BY_THE_MACHINE[name]})
    with pytest.raises((AssertionError, ExceptionGroup)):
        run_mutant(machine, SEEDS.get(name, 0))


@pytest.mark.parametrize("name", ["the last record", "a record in the middle", "an answer before its record"])
def test_a_journal_that_lost_something_is_caught(name: str) -> None:
    """Not the core but what keeps it: the ledger has moved on, and its journal does not say how."""
    watched = Watched()
    for index, line in enumerate(read(LIFE)[1]):
        watched.say(command_of(line.said, f"line {index}"), instant(line.at))
    assert watched.complaints() == []
    match name:
        case "the last record":
            watched.records.pop()
        case "a record in the middle":
            watched.records[3:] = [record._replace(version=record.version - 1) for record in watched.records[4:]]
        case _:
            watched.core.transact(watched.ledger, command_of("reserve zoe B 1", "z"), watched.ledger.time_ms)
    caught = {complaint.partition(":")[0] for complaint in watched.complaints()}
    assert "replay" in caught
    assert caught & {"compare", "audit"} or name == "a record in the middle"
