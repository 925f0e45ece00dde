"""Further faults of a finding that has several, each planted by itself; see `findings`."""

from typing import Any, Final

import pytest

from actors.core import answers
from actors.core.packed import hash_of
from actors.runtime import group_commit
from actors.runtime.hosted import Hosted
from actors.runtime.ledger_host import LedgerHost
from actors.shop import customer_totals, decide_stock
from actors.shop.promised import losers
from actors.shop.snapshot import Capture
from actors.store_actor import page_by_number
from holdfast.client.till_journal import TillJournal
from serve.routing.heads import Heads
from serve.services import events
from tests.simulation.findings import Planted, all_that_is_due_expires_at_once, exchanged


def _a_sweep_of_numbers_before_a_page(patch: pytest.MonkeyPatch) -> None:
    def wrong(ledger: Any, *asked: Any) -> Any:
        sorted(ledger.reservations)
        return page_by_number(ledger, *asked)

    patch.setattr("actors.store_actor.page_by_number", wrong)


def _all_are_looked_at_for_who_loses(patch: pytest.MonkeyPatch) -> None:
    def wrong(ledger: Any, *asked: Any) -> Any:
        sorted(ledger.reservations)
        return losers(ledger, *asked)

    patch.setattr("actors.shop.decide_stock.losers", wrong)


def _a_snapshot_copies_what_it_reads(patch: pytest.MonkeyPatch) -> None:
    real = Capture.freeze

    def wrong(capture: Capture) -> None:
        list(capture._ledger.positions.items())
        real(capture)

    patch.setattr(Capture, "freeze", wrong)


def _each_generation_of_keys_is_looked_into(patch: pytest.MonkeyPatch) -> None:
    real = answers.Answers.get

    def wrong(remembered: Any, key: str) -> Any:
        for _ in remembered.made._periods:
            remembered.made.find(hash_of(key))
        return real(remembered, key)

    patch.setattr(answers.Answers, "get", wrong)


def _events_are_encoded_as_they_are_decided(patch: pytest.MonkeyPatch) -> None:
    real = Hosted.decided

    def wrong(hosted: Hosted, *said: Any) -> Any:
        found = real(hosted, *said)
        vars(group_commit)["records_of"]([found])  # as the test has it watched
        return found

    patch.setattr(Hosted, "decided", wrong)


_answered: Final = TillJournal.answered

MORE: Final[dict[str, Planted]] = {
    "L4: a sale from before the count takes units": Planted(
        exchanged(decide_stock, "on_hand_delta", lambda _position, row, _now_ms: row.delta),
        "tests/shop/test_counts.py tests/shop/test_tills.py",
    ),
    "L4: a till's wall clock says how old a sale is": Planted(
        exchanged(TillJournal, "_when", lambda _journal, at_ms, *_: (at_ms, None)),
        "tests/clients/test_till_journal.py::"
        "test_the_wall_clock_of_a_till_says_nothing_about_a_sale_since_the_machine_was_started",
    ),
    "L4: a row that was dropped as known is counted as sent": Planted(
        exchanged(TillJournal, "answered", lambda journal, dropped: _answered(journal, 0)),
        "tests/clients/test_till_journal.py::"
        "test_a_sale_whose_number_a_copy_has_used_is_in_doubt_also_after_days_without_a_network",
    ),
    "L9: a quiet stream asks": Planted(
        exchanged(Heads, "are_elsewhere", lambda *_: True),
        "tests/gateway/test_idle_streams.py::test_streams_to_which_nothing_happens_share_one_question_an_actor",
    ),
    "L9: a feed of all shops has no cursor": Planted(
        exchanged(events, "pack_cursor", lambda *_: b""),
        "tests/gateway/test_feed_cursors.py::test_one_cursor_resumes_a_feed_of_all_shops",
    ),
    "L15: a listing walks all numbers": Planted(
        _a_sweep_of_numbers_before_a_page,
        "tests/runtime/test_pauses.py::test_no_read_lets_a_step_wait_for_more_the_more_there_was",
    ),
    "L15: a shortfall walks all reservations": Planted(
        _all_are_looked_at_for_who_loses, "tests/shop/test_unwalked.py::test_a_shortfall_looks_at_what_is_live"
    ),
    "L17: answers are not counted in a snapshot's size": Planted(
        exchanged(answers.Answers, "row_count", lambda _: 0),
        "tests/runtime/test_recovery.py::test_snapshots_are_due_the_more_rarely_the_more_answers_they_have",
    ),
    "L17: a snapshot copies under the lock": Planted(
        _a_snapshot_copies_what_it_reads,
        "tests/runtime/test_pauses.py::test_a_snapshot_lets_no_step_wait_for_more_than_a_few_rows",
    ),
    "L18: a key is looked for in each generation": Planted(
        _each_generation_of_keys_is_looked_into,
        "tests/shop/test_repeats.py::test_a_new_key_is_looked_for_once_however_many_days_are_remembered",
    ),
    "L18: events are encoded under the lock": Planted(
        _events_are_encoded_as_they_are_decided,
        "tests/runtime/test_order_of_effects.py::test_events_are_encoded_while_nobody_waits_for_the_lock",
    ),
    "L15: limits of a customer": Planted(
        exchanged(customer_totals, "ADDED_UP_MAX", 1 << 62),
        "tests/shop/test_customer_totals.py::test_a_decision_does_not_look_at_all_that_its_customer_holds",
    ),
    "L16: who asks for one waits for all": Planted(
        exchanged(LedgerHost, "_expire_first", lambda _host, _command, turn, _budgets: turn),
        "tests/runtime/test_wave.py::test_an_order_that_is_due_is_gone_for_who_asks_for_it_though_others_are_not",
    ),
    "L16: a customers' ledger expires all at once": Planted(
        all_that_is_due_expires_at_once,
        "tests/runtime/test_wave.py::test_a_step_of_a_customers_ledger_expires_a_part_of_much_that_is_due",
    ),
}
