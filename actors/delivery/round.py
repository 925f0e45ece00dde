"""Sends what is due: looks up whom to tell and by which channel, and records each attempt before it is made.

Runs in an event loop of its own. An attempt is recorded right before the first thing by which a letter may arrive, and
not sent where that could not be, or where its customer has said something else meanwhile: until then it waits, also for
a successor. What becomes of it is recorded as soon as it is known; where this process ends between the two, its
successor records that nobody knows.

Each channel of messages has places and a line of its own: one whose way out hangs keeps no other waiting. Whatever one
notice meets ends its own attempt and nothing else; only a journal that fails ends the notifier.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from actors.contacts.address_book import AddressBook, Known
from actors.contacts.cipher import ContactsError, ContactsUnreadable
from actors.contacts.contact import Contact, MessageChannel
from actors.core.ids import format_reservation_id
from actors.delivery.links import NO_LINKS, Links
from actors.delivery.pauses import Pauses
from actors.delivery.way_out import Ended, Letter, WayOut, WordingFails, Words
from actors.journal.port import JournalError
from actors.notices.commands import Command, EndAttempt, Skip, StartAttempt
from actors.notices.events import AttemptStarted, Event
from actors.notices.occasion import Dropped, Outcome
from actors.notices.state import Notice

ATTEMPT_S_MAX: Final = 60.0  # of one, whatever its way out allows
REST_MS: Final = 60_000  # for which a notice is left alone of which not even an attempt could be recorded

log = logging.getLogger("holdfast.notices")


class Desk(NamedTuple):
    """Whom and how: the ways out by channel, the words, the address book, which is opened when it is needed and raises
    ContactsError, and the links that the words have.
    """

    ways: Mapping[MessageChannel, WayOut]
    words: Words
    open_book: Callable[[], AddressBook]
    links: Links = NO_LINKS


class Attempt:
    """One of one notice. `decide` as in `Round`; `is_as_before` says whether its customer is reached as he was."""

    def __init__(
        self,
        notice: Notice,
        decide: Callable[[Sequence[Command]], list[Event]],
        is_as_before: Callable[[], bool],
    ) -> None:
        self.of = notice.number, notice.attempts + 1
        self._expires_at_ms = notice.detail.expires_at_ms
        self._decide = decide
        self._is_as_before = is_as_before
        self.is_begun = False
        self.is_refused = False

    def begin(self) -> bool:
        """See `WayOut.send`."""
        if not self.is_begun and not self.is_refused:
            self.is_refused = not (self._is_as_before() and self.record())
        return self.is_begun

    def record(self) -> bool:
        """Whether it is recorded as begun: not where it comes too late, or in quiet hours."""
        started = self._decide([StartAttempt(*self.of, self._expires_at_ms)])
        self.is_begun = AttemptStarted(*self.of) in started
        return self.is_begun


class Round:
    """`decide` records commands and returns their events; it raises JournalError where this is not the owner."""

    def __init__(
        self, desk: Desk, decide: Callable[[Sequence[Command]], list[Event]], now_ms: Callable[[], int]
    ) -> None:
        self._desk = desk
        self._decide = decide
        self._now_ms = now_ms
        self._book: AddressBook | None = None
        self._tasks: dict[int, tuple[Notice, asyncio.Task[None]]] = {}  # by the number of their notice
        self._pauses = Pauses(now_ms)
        self._rests: dict[int, int] = {}  # notices that are left alone, and until when

    def start(self, notices: Sequence[Notice], places: int) -> int:
        """Begin to send these, so many at a time by each channel; some may be on their way already. Returns of how many
        something became; the others were not touched. Raises JournalError, also of attempts before.
        """
        self.under_way()
        skipped: list[Command] = []
        begun, now_ms, are_contacts_there = 0, self._now_ms(), True
        self._rests = {number: until_ms for number, until_ms in self._rests.items() if until_ms > now_ms}
        for notice in notices:
            number = notice.number
            if number in self._tasks or number in self._rests:
                continue
            if notice.is_past(now_ms):  # also where it could not be begun
                skipped.append(Skip(number, Dropped.PAST))
                continue
            is_full = self.under_way(notice.channel) >= self._pauses.places(notice.channel, places)
            if is_full or not are_contacts_there:
                continue
            try:
                found = self._looked_up(notice)
            except ContactsError as error:
                log.warning("notices wait, as contacts are not there: %s", error)
                are_contacts_there = False
                continue
            except Exception as error:
                self._rest(notice, error)
                continue
            if isinstance(found, Dropped):
                skipped.append(Skip(number, found))
            else:
                task = asyncio.get_running_loop().create_task(self._attempt(notice, found))
                self._tasks[number] = notice, task
                begun += 1
        if skipped:
            self._decide(skipped)
        return len(skipped) + begun

    def under_way(self, channel: int = 0) -> int:
        """How many attempts are, by one channel or by all. Raises what one that has ended met: JournalError."""
        for number, (notice, task) in list(self._tasks.items()):
            if task.done():
                del self._tasks[number]
                try:
                    task.result()
                except JournalError:
                    raise
                except Exception as error:
                    self._rest(notice, error)
        return sum(channel in (0, notice.channel) for notice, _ in self._tasks.values())

    def passed_over(self) -> int:
        """How many notices are left alone just now, or on their way: so many may stand before others in a line."""
        return len(self._rests) + len(self._tasks)

    async def pause(self, seconds: float) -> None:
        """So long, or until an attempt has ended."""
        if self._tasks:
            await asyncio.wait(self._running(), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        else:
            await asyncio.sleep(seconds)

    async def end(self, within_s: float) -> None:
        """Wait for what is under way; of the rest nobody knows."""
        if self._tasks:
            await asyncio.wait(self._running(), timeout=within_s)

    def close(self) -> None:
        if self._book is not None:
            self._book.close()

    def _running(self) -> list[asyncio.Task[None]]:
        return [task for _, task in self._tasks.values()]

    def _rest(self, notice: Notice, error: Exception) -> None:
        log.error("notice %d is left alone for a while: %s", notice.number, type(error).__name__)
        self._rests[notice.number] = self._now_ms() + REST_MS

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
        if contact.preferred and channel != self._wished(notice, channel, known):
            return Dropped.OTHER_CHANNEL
        return known

    def _wished(self, notice: Notice, channel: MessageChannel, known: Known) -> MessageChannel:
        """The one channel by which this customer, who prefers one, is told. He chooses among those of the rule; where
        what he prefers is none of them, it is the first that he allows, and where it cannot be, any is.
        """
        preferred, named = known.contact.preferred, notice.channels or (channel,)
        wished = [preferred] if preferred in named else named
        there = [MessageChannel(each) for each in wished if each in self._desk.ways]  # a later version's are not
        return next((each for each in there if self._is_possible(each, known)), channel)

    def _is_possible(self, channel: MessageChannel, known: Known) -> bool:
        return bool(known.contact.address(channel)) and known.consents.of(channel) is True

    def _is_still(self, notice: Notice, known: Known) -> bool:
        """Whether the customer may still be told, and by this address."""
        try:
            return self._looked_up(notice) == known
        except ContactsError as error:
            log.warning("notice %d waits, as contacts are not there: %s", notice.number, error)
            return False

    async def _attempt(self, notice: Notice, known: Known) -> None:
        attempt = Attempt(notice, self._decide, lambda: self._is_still(notice, known))
        ended = await self._sent(notice, known, attempt)
        if ended.outcome is Outcome.UNKNOWN and not attempt.is_begun:
            ended = ended._replace(outcome=Outcome.NOT_SENT)  # nothing was handed over by which it might have arrived
        self._note(notice.channel, ended)
        if attempt.is_refused or not (attempt.is_begun or attempt.record()):
            return
        if ended.outcome is not Outcome.SENT:
            log.warning("notice %d was not sent for certain: %s", notice.number, ended.why)
        self._decide([EndAttempt(*attempt.of, ended.outcome, ended.why, ended.is_away is True)])

    def _note(self, channel: int, ended: Ended) -> None:
        if ended.is_away is None:
            return
        pause_ms = self._pauses.note(channel, is_away=ended.is_away)
        if pause_ms:
            name = MessageChannel(channel).name
            log.error("nothing goes by %s; it is left alone for %d s: %s", name, pause_ms // 1_000, ended.why)

    async def _sent(self, notice: Notice, known: Known, attempt: Attempt) -> Ended:
        try:
            letter = self._letter(notice, known.contact, MessageChannel(notice.channel))
            async with asyncio.timeout(ATTEMPT_S_MAX):
                return await self._desk.ways[MessageChannel(notice.channel)].send(letter, attempt.begin)
        except WordingFails as error:
            return Ended(Outcome.NOT_SENT, f"its template fails: {error}", is_away=None)
        except TimeoutError:
            return Ended(Outcome.UNKNOWN, f"it took longer than {ATTEMPT_S_MAX:.0f} s", is_away=True)
        except JournalError:  # of `begin`
            raise
        except Exception as error:  # of a library: what had been sent by then is not known
            what = "a way out" if attempt.is_begun else "what comes before its way out"
            log.error("%s raised %s", what, type(error).__name__)  # noqa: TRY400 - its text may name an address
            return Ended(Outcome.UNKNOWN, f"{what} raised {type(error).__name__}", is_away=None)

    def _letter(self, notice: Notice, contact: Contact, channel: MessageChannel) -> Letter:
        wording = self._desk.words.of(notice, contact.display_name, contact.language)
        text = wording.text if channel is MessageChannel.EMAIL else wording.short
        key = f"{notice.store_id}.{notice.version}.{notice.number}"
        of = contact.address(channel), contact.display_name, wording.subject, text, wording.html
        return Letter(*of, key, self._now_ms())
