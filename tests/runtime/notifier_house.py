"""The notifier's house in a test's hands: its disk, its clock, its contacts and its ways out, over its lives."""

import asyncio
from collections.abc import Callable
from contextlib import closing
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, Final

from actors.contacts.address_book import AddressBook
from actors.contacts.cipher import make_key
from actors.contacts.contact import Contact, MessageChannel
from actors.contacts.open import open_book
from actors.delivery.round import Desk, Round
from actors.journal.open import sqlite_setting
from actors.journal.port import JournalError
from actors.notices.commands import Observe, SetRules
from actors.notices.decide import due, fronts
from actors.notices.occasion import NoticeStatus, Occasion
from actors.notices.rules import Rules
from actors.notifier_actor import NotifierActor
from tests.journal.memory import MemoryDisk, MemoryJournal
from tests.notices.desk import BERLIN, HOUR_MS, RULES, fact
from tests.runtime.loop_time import JumpingLoop
from tests.runtime.post_office import PlainWords, Steered
from tests.runtime.runtime_fixture import ManualClock

ANN: Final = Contact("ann", "", "ann@example.com", "+4930123456", "en", "Ann")


class Ends(BaseException):
    """The process ends here."""


class MortalJournal(MemoryJournal):
    """Ends its process at an append, counted from 1, before or after it is durable."""

    def __init__(self, disk: MemoryDisk, at: int = 0, *, after: bool = False) -> None:
        super().__init__(disk)
        self._at, self._after, self.appends = at, after, count(1)

    def append(self, records: Any) -> None:
        is_last = next(self.appends) == self._at
        if is_last and not self._after:
            raise Ends
        super().append(records)
        if is_last:
            raise Ends


class House:
    """The lives of one notifier: a disk, a clock, an address book with ann in it, and a way out."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock(BEGAN_MS)
        self.disk = MemoryDisk()
        self.way = Steered()
        self.failures: list[JournalError] = []
        make_key(folder / "contacts.key")
        self.open_book: Callable[[], AddressBook] = partial(
            open_book, sqlite_setting(folder), folder / "contacts.key", self.clock.now_ms
        )
        self.desk = Desk({MessageChannel.EMAIL: self.way}, PlainWords(), self._opened)
        with closing(self.open_book()) as book:
            book.put("k1", ANN, ((MessageChannel.EMAIL, True),))

    def _opened(self) -> AddressBook:
        return self.open_book()

    def sender(self, actor: NotifierActor) -> "Sender":
        """Sends as the actor's own thread does, a turn at a time."""
        return Sender(Round(self.desk, actor._decide, self.clock.now_ms), actor)

    def actor(self, at: int = 0, *, after: bool = False, desk: Desk | None = None) -> NotifierActor:
        """Another process. Without a desk a test sends by itself."""
        journal = MortalJournal(self.disk, at, after=after)
        told = None if desk is None else (RULES, desk)
        return NotifierActor("notifier", journal, self.clock, self.failures.append, desk=told)

    def send(self, actor: NotifierActor, loop: Callable[[], asyncio.AbstractEventLoop] | None = None) -> None:
        """Send all that is due, one after the other; in a loop of that kind, whose time need not be the wall's."""

        async def main() -> None:
            sending = Round(self.desk, actor._decide, self.clock.now_ms)
            try:
                while notices := due(actor._ledger, self.clock.now_ms(), 1):
                    if not sending.start(notices, 1):
                        return
                    await sending.end(60.0)
                    sending.under_way()
            finally:
                sending.close()

        with asyncio.Runner(loop_factory=loop) as runner:
            runner.run(main())


class Sender:
    """A round in a test's hands."""

    def __init__(self, sending: Round, actor: NotifierActor) -> None:
        self._round, self._actor = sending, actor
        self._runner = asyncio.Runner(loop_factory=JumpingLoop)

    def turns(self, count: int) -> None:
        """So many looks at what is due, each of which ends what it has begun."""
        self._runner.run(self._turns(count))

    async def _turns(self, count: int) -> None:
        for _ in range(count):
            self._round.start(fronts(self._actor._ledger, self._actor._clock.now_ms(), 16), 1)
            await self._round.end(60.0)
            self._round.under_way()

    def close(self) -> None:
        self._round.close()
        self._runner.close()


BEGAN_MS: Final = 20_000 * 24 * HOUR_MS


def seen(after: int, *occasions: Occasion) -> Observe:
    facts = tuple(fact(each, version=after + n, at_ms=BEGAN_MS, reservation=n) for n, each in enumerate(occasions, 1))
    return Observe("S1", after, after + len(facts), 1, BERLIN, facts)


def begun(house: House, rules: Rules = RULES) -> NotifierActor:
    actor = house.actor()
    actor._decide([SetRules(rules)])
    actor.begin({})
    return actor


def statuses(actor: NotifierActor) -> list[NoticeStatus]:
    page, _ = actor.listed([], "", "", 0, 100)
    return [each.status for each in reversed(page)]


THREE: Final = (Occasion.CONFIRMED, Occasion.READY, Occasion.RECEIPT)
