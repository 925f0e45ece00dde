"""An independent check of a customers' journal: was each event allowed when it happened?

It replays through `evolve` and checks each event against the state before it, as `decide` did. The rules are written
anew here except for `limits`: the audit checks that limits were applied under the policy in force, not how they count.
"""

from collections.abc import Iterator
from typing import Final

from actors.core.rejection import Violation
from actors.core.transact import PolicyAdopted, Refused
from actors.orders import events as ev
from actors.orders.commands import key_of
from actors.orders.evolve import evolve
from actors.orders.limits import grant_over_limit, over_limit
from actors.orders.state import CERTAIN, Order, OrderLedger, Standing

VIOLATIONS_KEPT_MAX: Final = 1_000


class OrderAudit:
    """Replays a journal from its first event. `ledger` is the resulting state; `accepted` counts orders committed."""

    def __init__(self, ledger_id: str) -> None:
        self.ledger = OrderLedger(ledger_id)
        self.violations: list[Violation] = []
        self.accepted = 0
        self.broken = False  # an event referred to an order or claims that do not exist: the replay ends there
        self._epoch = 0
        self._answer: Order | None = None  # that the event to come will make

    def add(self, version: int, epoch: int, at_ms: int, event: ev.Event) -> None:
        """Check and apply the next event of the journal."""
        if self.broken:
            return
        ledger = self.ledger
        subject = f"version {version}"
        if version != ledger.version + 1:
            self._found("I8", subject, f"version {ledger.version + 1}", "a gap")
        if epoch < self._epoch:
            self._found("I9", subject, f"epoch {self._epoch} or later", f"epoch {epoch}")
        if at_ms < ledger.time_ms:
            self._found("I11", subject, f"not before {ledger.time_ms}", str(at_ms))
        self._epoch = epoch
        order = None
        if isinstance(event, ev.GrantReported):
            if ledger.grants.get(event.report.number) is None:
                self._found("I3", subject, f"grant {event.report.number}", "none")
                self.broken = True
                return
        elif isinstance(event, ev.AppliedNoted):
            unknown = [part.number for part in event.parts if part.number not in ledger.orders]
            if unknown:
                self._found("I3", subject, f"orders {unknown}", "none")
                self.broken = True
                return
        elif not isinstance(
            event,
            ev.Opened | ev.Placed | ev.Barred | ev.Granted | ev.HoldCounted | ev.ClaimBarred | Refused | PolicyAdopted,
        ):
            number = event.number if not isinstance(event, ev.Reported | ev.Settled) else _about(event)
            order = ledger.orders.get(number)
            if order is None:
                self._found("I3", subject, f"order {number}", "none")
                self.broken = True
                return
        for invariant, expected, found in _faults(ledger, order, event, at_ms):
            self._found(invariant, subject if order is None else f"order {order.number}", expected, found)
        if isinstance(event, ev.Committed) and order is not None:
            self.accepted += order.standing is Standing.OPEN
            if {store_id for store_id, _ in event.claims} != {part.store_id for part in order.open_parts()}:
                self._found("I7", f"order {order.number}", "a claim of each shop that was asked", str(event.claims))
                self.broken = True
                return
        self.accepted += isinstance(event, ev.Placed)
        evolve(ledger, event, at_ms)
        answer = getattr(event, "answer", None) or self._answer
        self._answer = answer if answer is not None and answer.version > ledger.version else None
        if answer is not None and self._answer is None and ledger.orders.get(answer.number) != answer:
            self._found("I5", f"order {answer.number}", "the order answered as it was then", "another answer")

    def _found(self, invariant: str, subject: str, expected: str, found: str) -> None:
        if len(self.violations) < VIOLATIONS_KEPT_MAX:
            self.violations.append(Violation(invariant, subject, expected, found))


def _faults(ledger: OrderLedger, order: Order | None, event: ev.Event, at_ms: int) -> Iterator[tuple[str, str, str]]:
    """Yield (invariant, expected, found) for each broken rule."""
    key = key_of(event.command) if isinstance(event, ev.Opened | ev.Placed) else getattr(event, "key", "")
    if key and ledger.answers.knows(key):
        yield "I5", f"{key!r} answered once", "answered again"
    if isinstance(event, ev.Placed | ev.Barred):
        number = event.number if isinstance(event, ev.Barred) else event.command.number
        if number in ledger.orders or number in ledger.barred or ledger.answers.where(number):
            yield "I7", f"order {number} placed or barred, and once", f"{type(event).__name__} after that"
    if isinstance(event, ev.Opened | ev.Placed):
        asked = event.command.asked if isinstance(event, ev.Placed) else event.command
        refusal = over_limit(ledger, asked.customer_id, asked.channel, asked.plans, at_ms)
        if refusal is not None:
            yield "I15", f"at most {refusal.available} for {asked.customer_id}", f"{refusal.reason.name} was due"
    if isinstance(event, ev.Granted):
        grants = ledger.grants
        refusal = grant_over_limit(ledger, event.request, grants.get(event.replaces), grants.get(event.number), at_ms)
        if refusal is not None:
            yield (
                "I15",
                f"at most {refusal.available} for {event.request.customer_id}",
                f"{refusal.reason.name} was due",
            )
    if isinstance(event, ev.Settled) and event.told != ledger.answers.all_told(event.order.number):
        yield "I5", "all that was answered", str(event.told)
    if order is not None:
        yield from _faults_of_step(order, event, at_ms)


def _about(event: ev.Reported | ev.Settled) -> int:
    return event.report.number if isinstance(event, ev.Reported) else event.order.number


def _faults_of_step(order: Order, event: ev.Event, at_ms: int) -> Iterator[tuple[str, str, str]]:
    match event:
        case ev.Committed() | ev.Replanned() | ev.Abandoned():
            if not order.open_attempt:
                yield "I3", "an attempt that is open", "none"
            elif isinstance(event, ev.Abandoned) and not event.call_key:
                if at_ms < order.decide_by_ms:
                    yield "I11", f"abandoned by time at {order.decide_by_ms}", str(at_ms)
            elif at_ms >= order.decide_by_ms:
                yield "I11", f"decided before {order.decide_by_ms}", str(at_ms)
        case ev.Expired():
            if order.standing not in CERTAIN:
                yield "I3", "held or confirmed", order.standing.name
            elif at_ms < order.expires_at_ms:
                yield "I11", f"expired at {order.expires_at_ms}", str(at_ms)
        case ev.Confirmed() | ev.Extended() | ev.Released() | ev.AmendOpened():
            allowed = frozenset({Standing.HELD}) if isinstance(event, ev.Confirmed) else CERTAIN
            if order.standing not in allowed or order.open_attempt:
                found = "an open attempt" if order.open_attempt else order.standing.name
                yield "I3", " or ".join(sorted(each.name for each in allowed)), found
            elif at_ms >= order.expires_at_ms:
                yield "I11", f"before {order.expires_at_ms}", str(at_ms)
        case ev.Settled():
            if not order.is_settled() or event.order != order:
                yield "I3", "an order that is over in all shops, as it was then", str(event.order)
        case _:
            pass
