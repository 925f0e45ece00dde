"""Processes of two versions take ledgers over from one another, as long as nobody raises the format."""

import os
from functools import partial

import pytest

from actors.journal.port import JournalNewer
from actors.protocol.formats import CURRENT, Writing
from actors.runtime.ledger_host import LedgerHost
from actors.shop import commands as cm
from tests.journal.memory import MemoryJournal
from tests.simulation.checks import Broken
from tests.simulation.formers import FORMER, FormerActors, FormerJournal, FormerWorld
from tests.simulation.test_chain_seeds import VARIABLES, run
from tests.simulation.world import STORE_ID, Parts, World

SEEDS = 30
CHAIN_SEEDS = 8
SEED = os.environ.get(VARIABLES[FormerWorld])


def world(seed: int, writing: Writing) -> World:
    """One whose every process is of the version before by what it reads, and writes in a format."""
    one = World(seed, Parts(partial(LedgerHost, writing=writing), FormerJournal, picks=lambda _: {}))
    one.callers.return_goods = False
    return one


@pytest.mark.parametrize("part", range(3))
def test_a_shop_goes_from_one_version_to_the_other_and_back(part: int) -> None:
    for seed in range(part, SEEDS, 3):
        one = world(seed, FORMER)
        one.run()
        assert one.struck["recovery"] or one.struck["crash idle"] or one.struck["zombie"]


def test_one_that_wrote_in_its_own_format_would_be_noticed() -> None:
    with pytest.raises(Broken, match="was written by a later version"):
        world(0, CURRENT).run()


def test_once_the_format_is_raised_the_version_before_refuses_by_name() -> None:
    one = world(1, FORMER)
    one.run()
    one.parts = one.parts._replace(host=partial(LedgerHost, writing=CURRENT), journal=MemoryJournal)
    one._take_over()
    one.ask([cm.Reserve("raised", "ann", "web", "", (("A", 1),), 0)])
    with pytest.raises(JournalNewer, match="was written by a later version"):
        FormerJournal(one.disk).read(STORE_ID, 0, 1_000_000)


@pytest.mark.parametrize("seed", range(CHAIN_SEEDS) if not SEED else [int(SEED)])
def test_a_chain_of_both_versions_keeps_its_promises(seed: int) -> None:
    assert run(seed, FormerWorld).struck["promoted"]


def test_a_gateway_that_sent_later_messages_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FormerActors, "writing", CURRENT)
    with pytest.raises((Broken, JournalNewer), match=r"does not understand|was written by a later version"):
        run(0, FormerWorld)
