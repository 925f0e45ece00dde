"""A store actor without Ray in a test's hands: commands as bytes, rules as documents."""

from typing import Final

import pytest

from actors.core.chain import ChainPart, Store, StoresPut
from actors.core.message import to_json
from actors.core.policy import Policy
from actors.journal.port import Journal, JournalError
from actors.protocol.messages import Answer, pack_batch, unpack_answers
from actors.store_actor import StoreActor
from tests.runtime.runtime_fixture import ManualClock
from tests.shop.scenario_text import command_of

STORES: Final = ("S1", "S2")


def chain_document(revision: int, policy: Policy | None = None, paused: tuple[str, ...] = ()) -> bytes:
    """A revision of the chain with two shops."""
    stores = tuple(Store(store_id, "", 0.0, 0.0, store_id in paused) for store_id in STORES)
    return to_json(ChainPart(revision, revision, policy or Policy(version=1), StoresPut(stores), {}))


def do_nothing_by_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have actors that are made from now on neither recover, nor expire, nor write snapshots unasked."""
    for act in ("_sweep", "_tidy"):
        monkeypatch.setattr(StoreActor, act, lambda _: None)


class Shop:
    """One actor. `ended` has what it was told to end for."""

    def __init__(self, journal: Journal, clock: ManualClock) -> None:
        self.clock = clock
        self.ended: list[JournalError] = []
        self.actor = StoreActor("store-S1", journal, clock, self.ended.append)
        self.actor.adopt(chain_document(1))

    def say(self, text: str, key: str, store_id: str = "S1") -> Answer:
        """One command, there and back as bytes."""
        entry = (store_id, command_of(text, key))
        (answer,) = unpack_answers(self.actor.step(pack_batch(1, [entry])))
        return answer
