"""Sends what is due: looks up whom to tell and by which channel, and records each attempt before it is made.

Runs in an event loop of its own. An attempt is recorded right before the first thing by which a letter may arrive, and
not sent where that could not be: until then it waits, also for a successor. What becomes of it is recorded as soon as
it is known; where this process ends between the two, its successor records that nobody knows.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from actors.contacts.address_book import AddressBook, Known
from actors.contacts.cipher import ContactsError, ContactsUnreadable
from actors.contacts.contact import MessageChannel
from actors.core.ids import format_reservation_id
from actors.delivery.way_out import Ended, Letter, WayOut, WordingFails, Words
from actors.journal.port import JournalError
from actors.notices.commands import Command, EndAttempt, Skip, StartAttempt
from actors.notices.events import AttemptStarted, Event
from actors.notices.occasion import Dropped, Outcome
from actors.notices.state import Notice

ATTEMPT_S_MAX: Final = 60.0  # of one, whatever its way out allows

log = logging.getLogger("holdfast.notices")


class Desk(NamedTuple):
    """Whom and how: the ways out by channel, the words, and the address book, which is opened when it is needed and
    raises ContactsError.
    """

    ways: Mapping[MessageChannel, WayOut]
    words: Words
    open_book: Callable[[], AddressBook]


class Round:
    """`decide` records commands and returns their events; it raises JournalError where this is not the owner."""

    def __init__(
        self, desk: Desk, decide: Callable[[Sequence[Command]], list[Event]], now_ms: Callable[[], int]
    ) -> None:
        self._desk = desk
        self._decide = decide
        self._now_ms = now_ms
        self._book: AddressBook | None = None
        self._tasks: dict[int, asyncio.Task[None]] = {}  # by the number of their notice

    def start(self, notices: Sequence[Notice], at_once: int) -> int:
        """Begin to send so many of these; some may be on their way already. Returns of how many something became; the
        others were not touched. Raises JournalError, also of attempts before.
        """
        self.under_way()
        skipped: list[Command] = []
        begun = 0
        for notice in notices:
            if notice.number in self._tasks:
                continue
            if begun == at_once:
                break
            try:
                found = self._looked_up(notice)
            except ContactsError as error:
                log.warning("notices wait, as contacts are not there: %s", error)
                break
            if isinstance(found, Dropped):
                skipped.append(Skip(notice.number, found))
            else:
                attempt = self._attempt(notice, found)
                self._tasks[notice.number] = asyncio.get_running_loop().create_task(attempt)
                begun += 1
        if skipped:
            self._decide(skipped)
        return len(skipped) + begun

    def under_way(self) -> int:
        """How many attempts are. Raises what one that has ended met: JournalError."""
        for number in [number for number, task in self._tasks.items() if task.done()]:
            self._tasks.pop(number).result()
        return len(self._tasks)

    async def pause(self, seconds: float) -> None:
        """So long, or until an attempt has ended."""
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        else:
            await asyncio.sleep(seconds)

    async def end(self, within_s: float) -> None:
        """Wait for what is under way; of the rest nobody knows."""
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=within_s)

    def close(self) -> None:
        if self._book is not None:
            self._book.close()

    def _looked_up(self, notice: Notice) -> Known | Dropped:
        """How the customer is reached by the notice's channel, or why not."""
        if notice.channel not in self._desk.ways:  # a later version's too, behind a way back
            return Dropped.NO_WAY_OUT
        channel = MessageChannel(notice.channel)
        if self._book is None:
            self._book = self._desk.open_book()
        try:
            return self._found(notice, channel)
        except ContactsUnreadable as error:  # of one customer, and the others are told
            log.error("the contact of notice %d cannot be read: %s", notice.number, error)  # noqa: TRY400 - as above
            return Dropped.NO_CONTACT

    def _found(self, notice: Notice, channel: MessageChannel) -> Known | Dropped:
        assert self._book is not None, "it was opened"
        own = format_reservation_id(notice.store_id, notice.reservation)
        for purchase in (notice.order_id, own, "") if notice.order_id else (own, ""):
            known = self._book.get(notice.customer_id, purchase)
            if known is not None and (purchase or known.contact.address(channel)):
                break
        else:
            return Dropped.NO_CONTACT
        contact, consents = known
        if not contact.address(channel):
            return Dropped.NO_CONTACT
        if consents.of(channel) is not True:
            return Dropped.NO_CONSENT
        wished = contact.preferred
        is_other = wished in self._desk.ways and wished != channel
        if is_other and self._is_possible(MessageChannel(wished), known):
            return Dropped.OTHER_CHANNEL
        return known

    def _is_possible(self, channel: MessageChannel, known: Known) -> bool:
        return bool(known.contact.address(channel)) and known.consents.of(channel) is True

    async def _attempt(self, notice: Notice, known: Known) -> None:
        number, attempt = notice.number, notice.attempts + 1
        is_begun = False

        def begin() -> bool:
            nonlocal is_begun
            if not is_begun:
                is_begun = AttemptStarted(number, attempt) in self._decide([StartAttempt(number, attempt)])
            return is_begun

        ended = await self._sent(notice, known, begin)
        if ended.outcome is Outcome.UNKNOWN and not is_begun:  # it failed before anything could arrive
            ended = Ended(Outcome.NOT_SENT, ended.why)
        if not begin():  # it comes too late, or in quiet hours
            return
        if ended.outcome is not Outcome.SENT:
            log.warning("notice %d was not sent for certain: %s", number, ended.why)
        self._decide([EndAttempt(number, attempt, ended.outcome, ended.why)])

    async def _sent(self, notice: Notice, known: Known, begin: Callable[[], bool]) -> Ended:
        channel, contact = MessageChannel(notice.channel), known.contact
        try:
            wording = self._desk.words.of(notice, contact.display_name, contact.language)
        except WordingFails as error:
            return Ended(Outcome.NOT_SENT, f"its template fails: {error}")
        text = wording.text if channel is MessageChannel.EMAIL else wording.short
        key = f"{notice.store_id}.{notice.version}.{notice.number}"
        of = contact.address(channel), contact.display_name, wording.subject, text, wording.html
        letter = Letter(*of, key, self._now_ms())
        try:
            async with asyncio.timeout(ATTEMPT_S_MAX):
                return await self._desk.ways[channel].send(letter, begin)
        except TimeoutError:
            return Ended(Outcome.UNKNOWN, f"it took longer than {ATTEMPT_S_MAX:.0f} s")
        except JournalError:  # of `begin`
            raise
        except Exception as error:  # of a library: what had been sent by then is not known
            log.error("a way out raised %s", type(error).__name__)  # noqa: TRY400 - its text may name an address
            return Ended(Outcome.UNKNOWN, f"the way out raised {type(error).__name__}")
