"""The exam, fourth part: the service's format is in its chain's journal, whichever kind that is of."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from actors.chain_actor import LEDGER_ID, ChainActor
from actors.core.chain import FormatRaised, Store, part_from_packed
from actors.core.policy import LimitRule, LineRule, Policy
from actors.journal.codec import encode
from actors.journal.port import JournalError, JournalNewer, Record
from actors.protocol.formats import FIRST, FORMATS, NEWEST, BeyondFormat
from actors.runtime.clock import SystemClock
from tests.journal.storages import Storage, records_of

SHOP = Store("S1", "", None, None, False)
LATER = Policy(line_rules=(LineRule("S1", True, 0),))


@pytest.fixture
def start(storage: Storage) -> Callable[[], ChainActor]:
    """Another process takes the chain over."""

    def end(failure: JournalError) -> None:
        raise failure

    return lambda: ChainActor("chain", storage.open(), SystemClock(), end)


def test_a_new_service_has_the_newest_format_and_keeps_it(start: Callable[[], ChainActor]) -> None:
    assert start().settle_format(is_new=True) == NEWEST
    assert start().settle_format(is_new=True) == NEWEST
    start().set_policy(LATER, 0)


def test_a_service_from_before_keeps_its_own_until_that_is_raised(
    start: Callable[[], ChainActor], storage: Storage
) -> None:
    actor = start()
    actor.put_stores([SHOP])
    assert actor.settle_format(is_new=True) == FIRST, "it has a shop"
    with pytest.raises(
        BeyondFormat, match=r"Policy.line_rules needs format 2, .* has format 1; .*holdfast format raise"
    ):
        actor.set_policy(LATER, 0)
    actor.promote_sku("A", 0, announced=True)
    revision = part_from_packed(actor.document(0) or b"").revision
    with pytest.raises(BeyondFormat):
        actor.set_policy(replace(LATER, limit_rules=(LimitRule("", "A", 1, 0),)), 0)
    assert part_from_packed(actor.document(0) or b"").revision == revision, "nor is the SKU demoted"
    actor.set_policy(Policy(ttl_ms_default=1), 0)
    before = start()
    assert before.settle_format(is_new=False) == FIRST
    assert b"line_rules" not in b"".join(record.payload for record in records_of(storage.open(), LEDGER_ID))

    assert before.raise_format() == (FIRST, NEWEST)
    assert before.raise_format() == (NEWEST, NEWEST), "once"
    after = start()
    assert after.settle_format(is_new=False) == NEWEST
    after.set_policy(LATER, 0)
    raised = [record for record in records_of(storage.open(), LEDGER_ID) if b"format_raised" in record.payload]
    assert len(raised) == 1


def test_a_service_of_a_later_format_is_refused_by_name(start: Callable[[], ChainActor], storage: Storage) -> None:
    journal = storage.open()
    head = journal.take_over(LEDGER_ID)
    journal.append([Record(LEDGER_ID, head.epoch, 1, 1, 0, encode([FormatRaised(NEWEST + 1)]))])
    with pytest.raises(JournalNewer) as refused:
        start()
    assert f"format {NEWEST + 1} was written by a later version: this version knows formats up to {NEWEST}" in str(
        refused.value
    )
    assert "Start that version again" in str(refused.value)


def test_every_format_says_what_it_brings() -> None:
    assert all(added.brings for added in FORMATS.values())
