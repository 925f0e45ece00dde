"""The notifier's ledger in a test's hands: what is said to it, what it decides, and the same again from its journal."""

from typing import Any

from actors.contacts.contact import MessageChannel
from actors.journal.codec import Reader, encode, encode_rows
from actors.notices.commands import Begin, Command, EndAttempt, Fact, Observe, SetRules, StartAttempt
from actors.notices.decide import decide, due
from actors.notices.events import Event
from actors.notices.evolve import evolve
from actors.notices.occasion import NoticeStatus, Occasion, Outcome
from actors.notices.rules import Rule, Rules
from actors.notices.snapshot import Row, restored, rows_of
from actors.notices.state import Detail, Ledger, Notice, Place

EMAIL, SMS = int(MessageChannel.EMAIL), int(MessageChannel.SMS)
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
NOON_MS = 20_000 * DAY_MS + 12 * HOUR_MS
BERLIN = Place("Mitte", "Europe/Berlin", 52.5, 13.4)
RULES = Rules(tuple(Rule(occasion, (EMAIL,)) for occasion in Occasion), zone="UTC")

read_events: Reader[Event] = Reader(Event)
read_rows: Reader[Row] = Reader(Row)


def fact(occasion: Occasion | None, reservation: int = 7, version: int = 1, **given: Any) -> Fact:
    """What an event says of a reservation, at noon unless said otherwise."""
    detail = {each: given.pop(each) for each in ("expires_at_ms", "slot_start_ms", "reason") if each in given}
    fields = {"at_ms": NOON_MS, "customer_id": "ann", "order_id": "", **given}
    fields.setdefault("slot_start_ms", detail.get("slot_start_ms", 0))
    told = Detail(at_ms=fields["at_ms"], **detail)
    return Fact(version=version, reservation=reservation, occasion=occasion, detail=told, **fields)


class Told:
    """A ledger and all that it has decided; `at_ms` is its clock."""

    def __init__(self, rules: Rules = RULES, *, begins: bool = True) -> None:
        self.ledger = Ledger()
        self.at_ms = NOON_MS
        self.journal: list[tuple[int, bytes]] = []
        self.say(SetRules(rules))
        if begins:
            self.say(Begin({}))

    def say(self, *commands: Command) -> list[Event]:
        """Decide and record."""
        made: list[Event] = []
        for command in commands:
            for event in decide(self.ledger, command, self.at_ms):
                evolve(self.ledger, event, self.at_ms)
                made.append(event)
        if made:
            self.journal.append((self.at_ms, encode(made)))
        return made

    def observe(self, *facts: Fact, store_id: str = "S1", place: Place = BERLIN) -> list[Event]:
        """The shop's feed has said these since it was read last."""
        cursor = self.ledger.cursors.get(store_id)
        after = cursor.version if cursor else 0
        return self.say(Observe(store_id, after, after + max(1, len(facts)), 1, place, facts))

    def due(self, channel: int = 0) -> list[Notice]:
        return due(self.ledger, self.at_ms, 100, channel)

    def attempt(self, number: int, outcome: Outcome, why: str = "") -> list[Event]:
        """Begin the next attempt and end it."""
        attempt = self.ledger.notices[number].attempts + 1
        return self.say(StartAttempt(number, attempt), EndAttempt(number, attempt, outcome, why))

    def status(self, number: int) -> NoticeStatus:
        return self.ledger.notices[number].status

    def replayed(self) -> Ledger:
        """The ledger as its journal makes it."""
        ledger = Ledger()
        for at_ms, payload in self.journal:
            for event in read_events(payload):
                evolve(ledger, event, at_ms)
        return ledger


def same(one: Ledger, other: Ledger) -> bool:
    """Whether two ledgers say the same, whatever their heaps look like."""
    names = ("version", "time_ms", "began_at_ms", "last_number", "rules", "cursors", "notices", "open", "slots", "of")
    return all(getattr(one, name) == getattr(other, name) for name in (*names, "counts", "under_way"))


def by_snapshot(ledger: Ledger) -> Ledger:
    """The ledger of its own snapshot."""
    return restored(row for chunk in encode_rows(rows_of(ledger)) for row in read_rows(chunk))
