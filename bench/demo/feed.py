"""What callers were told about single shops, against the shops' feeds and what they list at the end. Pure.

- Every answer stands at its version of its shop's feed, with what the caller was told and had asked for; the last
  answer about a reservation is how the shop lists it at the end, if nothing happened to it since.
- Every effect in the feed was told to somebody, or its caller never got an answer.
- A hold past its deadline is gone within a second, and never before.

No stock is counted here and no reservation is computed from its events: VerifyLedger does both.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from bench.demo.calls import Answered, Call, Kind
from bench.demo.turns import Turns
from holdfast.client import Event, Rejection, ReleaseReason, Reservation, Status, StockChange
from holdfast.client.models import events as feed

LATE_MS_MAX: Final = 1_000
FINDINGS_MAX: Final = 50
SENTENCE_CHARS_MAX: Final = 1_000
LIVE: Final = frozenset({Status.HELD, Status.CONFIRMED, Status.READY})

INSIDE: Final = "\n"  # the keys that shops and customers' ledgers use among themselves begin so, and no caller's does

_OF_CALLS: Final = (
    feed.StockAdjusted,
    feed.Reserved,
    feed.Queued,
    feed.Confirmed,
    feed.ReadyMarked,
    feed.Collected,
    feed.Released,
    feed.Extended,
    feed.Refused,
)
"""What the calls of callers leave behind in a shop."""


class Outage(NamedTuple):
    """A shop's writer was dead between these instants, in ms of the wall clock; nothing can expire meanwhile."""

    from_ms: int
    until_ms: int


class Contest(NamedTuple):
    """So many callers for so many units of a SKU in one shop, a unit each, or for the places of a pickup slot, which
    its start names; `accepted` were told that they have one.
    """

    store_id: str
    wanted: str | int
    callers: int
    units: int
    accepted: int = 0

    @property
    def is_wrong(self) -> bool:
        """True where not exactly as many were accepted as could be."""
        return self.accepted != min(self.callers, self.units)

    def __str__(self) -> str:
        return f"{self.callers} callers for {self.units} of {self.wanted}: {self.accepted} accepted"


@dataclass(frozen=True, slots=True)
class Standing:
    """The shops at the end: the version up to which each feed was read, and every reservation by its id, listed from
    `listed_ms` on.
    """

    versions: Mapping[str, int]
    reservations: Mapping[str, Reservation]
    listed_ms: int


class Sentences(list[str]):
    """What does not agree, for people: the first sentences."""

    def add(self, sentence: str) -> None:
        if len(self) < FINDINGS_MAX:
            self.append(sentence)


class Findings(Counter[str]):
    """What does not agree: how often each is broken, by its name in the JSON document, and the first sentences."""

    def __init__(self, **counts: int) -> None:
        super().__init__(counts)
        self.sentences: list[str] = []
        self._names: list[str] = []

    def add(self, broken: str, *sentences: str) -> None:
        """Count every sentence, and keep the first for people."""
        self[broken] += len(sentences)
        for sentence in sentences[: FINDINGS_MAX - len(self.sentences)]:
            self.sentences.append(sentence[:SENTENCE_CHARS_MAX])
            self._names.append(broken)

    def named(self, broken: str) -> list[str]:
        """The sentences under one name, or else how many there were."""
        kept = [sentence for name, sentence in zip(self._names, self.sentences, strict=True) if name == broken]
        return kept or ([f"{self[broken]} times"] if self[broken] else [])


class FeedCheck:
    """Reads the feeds of all shops, each from its beginning, beside the answers.

    What is found is in `of_shops` and `of_orders`; `faults` are gaps of a feed, `held` the parts of orders that were
    ever held for certain, `turns` who was served in line; `events` and `expiries` count what was seen.
    """

    def __init__(
        self, answers: Iterable[Answered], outages: Mapping[str, Sequence[Outage]], orders: Iterable[Answered] = ()
    ) -> None:
        self._order_of: dict[str, str] = {}
        self._deadlines: dict[str, int] = {}
        self._versions: Counter[str] = Counter()
        self.of_shops, self.of_orders = Findings(), Findings()
        self.events = self.expiries = 0
        self.faults: list[str] = []
        self.held: set[str] = set()
        self.turns = Turns()
        self._outages = outages
        self._lost_keys: set[tuple[str, str]] = set()
        self._expected: dict[tuple[str, int], Answered] = {}
        self._newest: dict[str, Answered] = {}
        for call, outcome in answers:
            if isinstance(outcome, Reservation | StockChange | Rejection):
                self._expect(call.store_id, call, outcome)
        for call, outcome in orders:
            for part in outcome if isinstance(outcome, tuple) else ():
                if isinstance(part.answer, Reservation | Rejection):
                    self._expect(part.store_id, call, part.answer)

    def see(self, event: Event) -> None:
        change, store_id, before = event.change, event.store_id, self._versions[event.store_id]
        self.events += 1
        if event.version != before + 1:
            self.faults.append(f"shop {store_id}, version {event.version}: follows version {before}")
        self._versions[store_id] = event.version
        self.turns.see(event)
        if isinstance(change, feed.Expired):
            self.expiries += 1
            self._judge_expiry(store_id, change.reservation_id, event.at_ms)
        self._note(change, store_id, event.at_ms)
        answered = self._expected.pop((store_id, event.version), None)
        if answered is not None:
            if why := disagreement(answered, change, self._order_of):
                self._lost(store_id, answered, why)
        elif isinstance(change, _OF_CALLS) and not _is_made_inside(change):
            self._nobody_was_told(event)

    def finish(self, standing: Standing) -> None:
        """Hold the shops as they stand against it, once the feed of each was seen up to its version."""
        for (store_id, _), answered in self._expected.items():
            self._lost(store_id, answered, "the feed has no such version")
        self._expected.clear()
        for reservation_id, answered in self._newest.items():
            last = standing.reservations.get(reservation_id)
            told_last = answered.outcome
            follows = isinstance(told_last, Reservation) and last is not None and last.version > told_last.version
            if last != told_last and not follows:
                self._lost(reservation_id.rpartition(":")[0], answered, f"told {answered.outcome}, at the end {last}")
        for each in standing.reservations.values():
            if each.status in LIVE:
                late_ms = standing.listed_ms - due_ms(self._outages, each.store_id, each.expires_at_ms)
                self._judge_late(each.reservation_id, "is still held", late_ms)
        for store_id, version in standing.versions.items():
            if self._versions[store_id] != version:
                self.faults.append(f"shop {store_id}: the feed ends at {self._versions[store_id]}, not {version}")

    def _note(self, change: feed.Change, store_id: str, at_ms: int) -> None:
        """Deadlines, and which reservations are parts of orders."""
        match change:
            case feed.Reserved(reservation) | feed.Claimed(reservation):
                self._deadlines[reservation.reservation_id] = reservation.expires_at_ms
                if reservation.order_id:
                    self._order_of[reservation.reservation_id] = reservation.order_id
            case feed.Confirmed() | feed.Extended() | feed.Amended() | feed.Served():
                self._deadlines[change.reservation_id] = change.expires_at_ms
            case feed.OutcomeApplied() if change.reservation_id:
                # A part's deadline is its order's, of which the shop may not have heard before it passed.
                self._deadlines[change.reservation_id] = change.expires_at_ms
                if change.status in LIVE:
                    self.held.add(change.reservation_id)
                elif change.status is Status.EXPIRED:
                    self._judge_expiry(store_id, change.reservation_id, at_ms)
            case _:
                pass

    def _expect(self, store_id: str, call: Call, outcome: Reservation | StockChange | Rejection) -> None:
        answered, version = Answered(call, outcome), outcome.version
        if version == 0:
            # An answer that was not written down: never to a key that is new.
            self._lost(store_id, answered, "a fresh key was refused without a version")
        elif (store_id, version) in self._expected:
            self._lost(store_id, answered, "another call was answered with the same version")
        else:
            self._expected[store_id, version] = answered
        if isinstance(outcome, Reservation):
            newest = self._newest.setdefault(outcome.reservation_id, answered).outcome
            if isinstance(newest, Reservation) and newest.version < version:
                self._newest[outcome.reservation_id] = answered

    def _lost(self, store_id: str, answered: Answered, why: str) -> None:
        call, outcome = answered
        if (store_id, call.key) in self._lost_keys:
            return
        self._lost_keys.add((store_id, call.key))
        said = outcome.reason.name if isinstance(outcome, Rejection) else "accepted"
        sentence = f"{call.kind.value} {call.key} in shop {store_id}, {said}: {why}"
        (self.of_orders if "order_id" in call.asked else self.of_shops).add("answers_lost", sentence)

    def _nobody_was_told(self, event: Event) -> None:
        change = event.change
        sentence = f"shop {event.store_id}, version {event.version}: nobody was told of {change}"
        inside = isinstance(change, feed.Refused) and change.idempotency_key.startswith(INSIDE)
        if inside or getattr(change, "reservation_id", "") in self._order_of:
            self.of_orders.add("unasked", sentence)
        else:
            self.of_shops.add("effects_nobody_was_told_of", sentence)

    def _judge_expiry(self, store_id: str, reservation_id: str, at_ms: int) -> None:
        deadline_ms = self._deadlines.get(reservation_id)
        if deadline_ms is None:
            return  # whoever made it is missing from the feed, which is a fault already
        if at_ms < deadline_ms:
            self.of_shops.add("expired_late", f"{reservation_id} expired {deadline_ms - at_ms} ms before its deadline")
        else:
            self._judge_late(reservation_id, "expired", at_ms - due_ms(self._outages, store_id, deadline_ms))

    def _judge_late(self, reservation_id: str, what: str, late_ms: int) -> None:
        if late_ms > LATE_MS_MAX:
            self.of_shops.add("expired_late", f"{reservation_id} {what} {late_ms} ms past its deadline")


def due_ms(outages: Mapping[str, Sequence[Outage]], store_id: str, deadline_ms: int) -> int:
    """When a hold should be gone: at its deadline, or once the shop's writer is back."""
    for outage in outages.get(store_id, ()):
        if outage.from_ms - LATE_MS_MAX <= deadline_ms < outage.until_ms:
            deadline_ms = outage.until_ms
    return deadline_ms


def disagreement(answered: Answered, change: feed.Change, order_of: Mapping[str, str]) -> str:
    """Why an answer is not what the event at its version says, empty if it is; `order_of` are parts of orders."""
    call, outcome = answered
    if isinstance(outcome, Rejection):
        same = isinstance(change, feed.Refused) and _is_refusal_of(call, change) and change.rejection == outcome
    elif isinstance(outcome, StockChange):
        sent = call.asked["adjustments"]
        whole = (call.asked["source"], sent, len(sent))  # each row that was sent
        same = isinstance(change, feed.StockAdjusted) and whole == (change.source, change.adjustments, outcome.applied)
    else:
        same = isinstance(outcome, Reservation) and change == _expected(call, outcome, change)
    if not same:
        return f"asked for {dict(call.asked)}, told {outcome}, the feed says {change}"
    if not isinstance(outcome, Reservation) or call.kind is Kind.RESERVE:
        return ""
    order_id = order_of.get(outcome.reservation_id, "")
    return "" if order_id == outcome.order_id == call.asked.get("order_id", "") else f"it is of order {order_id!r}"


def _expected(call: Call, outcome: Reservation, change: feed.Change) -> feed.Change | None:
    """The event of a call that was accepted, None where its caller was not told what the call asked for. Which units a
    step took that named none is left to the ledger.
    """
    asked, reservation_id = call.asked, outcome.reservation_id
    if asked.get("reservation_id", reservation_id) != reservation_id:
        return None
    lines = asked.get("lines", getattr(change, "lines", ()))
    match call.kind:
        case Kind.RESERVE:
            made = tuple((line.sku, line.quantity) for line in outcome.lines)
            told_so = (made, outcome.customer_id, outcome.basket_id, outcome.slot_start_ms)
            wanted = (lines, asked["customer_id"], asked.get("basket_id", ""), asked.get("slot_start_ms"))
            as_fed = replace(outcome, earliest_ready_ms=None)  # which is by the shop's hours, and not the ledger's
            made_so = feed.Queued if outcome.status is Status.QUEUED else feed.Reserved
            return made_so(as_fed) if told_so == wanted else None
        case Kind.CONFIRM if outcome.status is Status.CONFIRMED:
            return feed.Confirmed(reservation_id, outcome.expires_at_ms)
        case Kind.MARK_READY | Kind.READY_ORDER if outcome.status is Status.READY:
            return feed.ReadyMarked(reservation_id)
        case Kind.EXTEND:
            return feed.Extended(reservation_id, outcome.expires_at_ms)
        case Kind.COLLECT | Kind.COLLECT_ORDER if outcome.payment_reference == asked["payment_reference"]:
            return feed.Collected(reservation_id, lines, outcome.payment_reference)
        case Kind.RELEASE if outcome.release_reason == asked["reason"]:
            return feed.Released(reservation_id, lines, outcome.release_reason)
        case _:
            return None


def _is_refusal_of(call: Call, change: feed.Refused) -> bool:
    """The gateway makes keys of its own for the steps of an order's parts, with the caller's at their end."""
    key = change.idempotency_key
    if "order_id" in call.asked:
        return key.startswith(f"{INSIDE}{call.asked['order_id']} ") and key.endswith(f" {call.key}")
    return (key, change.command) == (call.key, call.kind.value)


def _is_made_inside(change: feed.Change) -> bool:
    """True where no caller can have been told: a refused claim, which is its order's affair, a grant that is void, or a
    release that the ledger made by itself.
    """
    if isinstance(change, feed.Refused):
        return change.idempotency_key.startswith((f"{INSIDE}claim ", f"{INSIDE}grant "))
    return isinstance(change, feed.Released) and change.reason in (ReleaseReason.REPLACED, ReleaseReason.SHORTFALL)
