"""Orders are compared with shops also where records of some are in an archive that is not there, and it says which."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from actors.core.policy import HOUR_MS
from actors.customer_actor import CustomerActor
from actors.journal.sqlite import SqliteJournal
from actors.store_actor import StoreActor
from holdfast.v1 import admin_service_pb2 as ad
from tests.gateway.front import Front
from tests.gateway.orders import CUSTOMERS, HERS, ordered, settle
from tests.runtime.runtime_fixture import ManualClock

ACTORS = {HERS: (CUSTOMERS, CustomerActor), "S1": ("store-S1", StoreActor)}

OPEN = 5


class Archived:
    """An actor that has moved what is over to an archive, of two orders; others are open."""

    def __init__(self, front: Front, folder: Path, ledger_id: str) -> None:
        self.front, self.ledger_id, self.folder = front, ledger_id, folder / "away"
        self.folder.mkdir()
        self.name, kind = ACTORS[ledger_id]
        self.journal = SqliteJournal(folder / "c.db", keep_bytes=1, sealed_events=2, away=self.folder)
        actor: Any = kind(self.name, self.journal, front.clock, print, 3_600.0)
        front.actors._actors[self.name] = actor
        front.actors.made[self.name] += 1
        for number in range(2):
            ordered(front, f"k{number}")
        front.clock.move(3 * HOUR_MS)
        settle(front)
        for number in range(OPEN):
            ordered(front, f"open {number}")
        for _ in range(2):
            actor.host.snapshot(ledger_id, lambda: None)
        for _ in range(40):
            self.journal.seal(ledger_id, 1, front.clock.now_ms() + 1)
            self.journal.move_away(ledger_id, 1, {})
        assert self.files("away")

    def restart(self) -> None:
        """The same files, of which nothing was read yet."""
        _, kind = ACTORS[self.ledger_id]
        journal = SqliteJournal(self.folder.with_name("c.db"), keep_bytes=1, sealed_events=2, away=self.folder)
        self.front.actors._actors[self.name] = kind(self.name, journal, self.front.clock, print, 3_600.0)

    def files(self, folder: str) -> list[Path]:
        """What is in the archive, under its name of now."""
        return list(self.folder.with_name(folder).glob("*/*.gz"))

    def compared(self) -> Any:
        """What VerifyOrders says."""
        return self.front.accept("VerifyOrders", ad.VerifyOrdersRequest())


@pytest.fixture(params=ACTORS)
def archived(request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock) -> Iterator[Archived]:
    with Front(tmp_path, clock) as front:
        yield Archived(front, tmp_path, request.param)


def test_what_is_in_memory_and_beside_the_journal_is_compared(archived: Archived) -> None:
    whole = archived.compared()
    assert (whole.holds, whole.parts, list(whole.left_out), list(whole.not_compared)) == (True, 2 * (2 + OPEN), [], [])
    archived.folder.rename(archived.folder.with_name("unplugged"))
    archived.restart()
    found = archived.compared()
    assert (found.holds, list(found.left_out)) == (True, [])
    (unseen,) = found.not_compared
    sides = 4 if archived.ledger_id == HERS else 2  # of two orders with two parts each
    assert (unseen.ledger_id, unseen.count, found.parts) == (archived.ledger_id, sides, whole.parts - sides)
    assert unseen.archived_version == max(int(each.name.split("-")[2]) for each in archived.files("unplugged"))
    assert found.orders == whole.orders
    archived.folder.with_name("unplugged").rename(archived.folder)
    assert archived.compared() == whole


def test_a_file_that_is_gone_from_an_archive_that_is_there_leaves_its_ledger_out(archived: Archived) -> None:
    for each in archived.files("away"):
        each.unlink()
    archived.restart()
    assert list(archived.compared().left_out) == [archived.ledger_id]
