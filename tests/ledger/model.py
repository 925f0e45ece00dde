"""The naive model: one shop's ledger by lists and loops, slow and plain, written from the design and not from the core.

It never deletes, indexes or caches anything: stock is the sum of all movements, what is held is the sum over all
reservations, and every question is answered by going through everything again. It takes the core's commands and rules,
which are the vocabulary, and shares none of its code.
"""

from typing import NamedTuple

from actors.ledger import commands as ask
from actors.ledger.lifecycle import Status
from actors.ledger.policy import Policy
from actors.ledger.reasons import Reason

Outcome = tuple[object, ...]
LIVE = [Status.HELD, Status.CONFIRMED, Status.READY]


class Move(NamedTuple):
    """Units that came or went at an instant: on hand, or promised."""

    sku: str
    at_ms: int
    units: int


class Line:
    """One line of a claim."""

    def __init__(self, sku: str, quantity: int) -> None:
        self.sku, self.quantity, self.sold, self.back = sku, quantity, 0, 0

    def held(self) -> int:
        return self.quantity - self.sold - self.back


class Claim:
    """One reservation."""

    def __init__(self, said: ask.Reserve, number: int, deadline_ms: int) -> None:
        self.number, self.said, self.deadline_ms = number, said, deadline_ms
        self.status = Status.HELD
        self.lines = [Line(sku, quantity) for sku, quantity in said.lines]

    def held(self, sku: str) -> int:
        return sum(line.held() for line in self.lines if line.sku == sku) if self.status in LIVE else 0

    def outcome(self) -> Outcome:
        lines = tuple((line.sku, line.quantity, line.sold, line.back) for line in self.lines)
        return ("reservation", self.number, self.status.name, lines, self.deadline_ms)


class Model:
    """Everything that was ever said, and the rules."""

    def __init__(self, store_id: str) -> None:
        self.store_id = store_id
        self.policy = Policy()
        self.events = 0  # the ledger's version: each thing that happens is one
        self.claims: list[Claim] = []
        self.moved: list[Move] = []
        self.promised: list[Move] = []
        self.seen_since: list[tuple[str, int]] = []
        self.counted: list[tuple[str, int]] = []
        self.marks: list[tuple[str, int]] = []
        self.kept_back: list[tuple[str, int]] = []
        self.answers: list[tuple[ask.Command, Outcome]] = []

    def knows(self, sku: str) -> bool:
        return any(known == sku for known, _ in self.seen_since)

    def on_hand(self, sku: str, as_of_ms: int | None = None) -> int:
        return sum(
            move.units for move in self.moved if move.sku == sku and (as_of_ms is None or move.at_ms <= as_of_ms)
        )

    def held(self, sku: str) -> int:
        return sum(claim.held(sku) for claim in self.claims)

    def held_then(self, sku: str, as_of_ms: int) -> int:
        return sum(move.units for move in self.promised if move.sku == sku and move.at_ms <= as_of_ms)

    def keeps_back(self, sku: str) -> int:
        return ([0] + [units for kept, units in self.kept_back if kept == sku])[-1]

    def last_count_ms(self, sku: str) -> int:
        return ([0] + [at_ms for counted, at_ms in self.counted if counted == sku])[-1]

    def stock(self) -> dict[str, tuple[int, int, int, int]]:
        skus = [sku for sku, _ in self.seen_since]
        return {sku: (self.on_hand(sku), self.held(sku), 0, self.keeps_back(sku)) for sku in skus}

    def expire(self, now_ms: int) -> None:
        for claim in self.claims:
            if claim.status in LIVE and claim.deadline_ms <= now_ms:
                self._give_back(claim, [line.held() for line in claim.lines], Status.EXPIRED, now_ms)

    def _give_back(self, claim: Claim, units: list[int], final: Status, now_ms: int) -> None:
        for line, back in zip(claim.lines, units, strict=True):
            line.back += back
            self.promised.append(Move(line.sku, now_ms, -back))
        self._end(claim, final)

    def _end(self, claim: Claim, final: Status) -> None:
        self.events += 1
        if all(line.held() == 0 for line in claim.lines):
            claim.status = Status.COLLECTED if any(line.sold for line in claim.lines) else final

    def say(self, command: ask.Command, now_ms: int) -> Outcome:
        """Answer a command after what is due has expired; a retry is the same sentence said twice."""
        self.expire(now_ms)
        for earlier, outcome in self.answers:
            if earlier.key == command.key:
                same = type(earlier) is type(command) and earlier == command
                return outcome if same else ("no", Reason.IDEMPOTENCY_KEY_REUSED.name)
        if isinstance(command, ask.Reserve):
            outcome = self._reserve(command, now_ms)
        elif isinstance(command, ask.AdjustStock):
            outcome = self._adjust(command, now_ms)
        elif isinstance(command, ask.CountStock):
            outcome = self._count(command, now_ms)
        elif isinstance(command, ask.SetSafetyStock):
            self.events += 1
            for sku, units in command.safety_stocks:
                self._meet(sku, now_ms)
                self.kept_back.append((sku, units))
            outcome = ("stock", len(command.safety_stocks), 0, 0, ())
        else:
            assert isinstance(command, ask.Confirm | ask.MarkReady | ask.Collect | ask.Release | ask.Extend)
            outcome = self._step(command, now_ms)
        if outcome[0] == "no":
            self.events += 1
        self.answers.append((command, outcome))
        return outcome

    def _meet(self, sku: str, now_ms: int) -> None:
        if not self.knows(sku):
            self.seen_since.append((sku, now_ms))

    def _reserve(self, said: ask.Reserve, now_ms: int) -> Outcome:
        if self.policy.paused:
            return ("no", "STORE_NOT_ACCEPTING")
        if said.ttl_ms > self.policy.ttl_ms_max:
            return ("no", "TTL_TOO_LONG")
        replaced = None
        for claim in self.claims:
            same = (claim.said.customer_id, claim.said.basket_id) == (said.customer_id, said.basket_id)
            if said.basket_id and same and claim.status in LIVE:
                replaced = claim
        if replaced and (replaced.status is not Status.HELD or any(line.sold for line in replaced.lines)):
            return ("no", "BASKET_CONFIRMED")
        asked = {sku: sum(units for other, units in said.lines if other == sku) for sku, _ in said.lines}
        refusal = self._over_a_limit(said, asked, replaced)
        if refusal:
            return ("no", refusal)
        if not all(self.knows(sku) for sku in asked):
            return ("no", "SKU_NOT_STOCKED")
        for sku, units in asked.items():
            free = self.on_hand(sku) - self.held(sku) - self.keeps_back(sku)
            if units > free + (replaced.held(sku) if replaced else 0):
                return ("no", "INSUFFICIENT_STOCK")
        if replaced:
            self._give_back(replaced, [line.held() for line in replaced.lines], Status.RELEASED, now_ms)
        self.events += 1
        claim = Claim(
            said, self.events, now_ms + (said.ttl_ms or min(self._rule_ms(said.channel, sku) for sku in asked))
        )
        self.claims.append(claim)
        for sku, units in said.lines:
            self.promised.append(Move(sku, now_ms, units))
        return claim.outcome()

    def _rule_ms(self, channel: str, sku: str) -> int:
        """Of the rules that fit: one that names the channel first, then one that names the SKU, then the shop."""
        best, best_rank = self.policy.ttl_ms_default, (-1, -1, -1)
        for rule in self.policy.ttl_rules:
            if rule.channel in ("", channel) and rule.sku in ("", sku) and rule.store_id in ("", self.store_id):
                rank = (int(rule.channel != ""), int(rule.sku != ""), int(rule.store_id != ""))
                if rank >= best_rank:
                    best, best_rank = rule.ttl_ms, rank
        return best

    def _over_a_limit(self, said: ask.Reserve, asked: dict[str, int], replaced: Claim | None) -> str:
        mine = [
            claim
            for claim in self.claims
            if claim.said.customer_id == said.customer_id and claim.status in LIVE and claim is not replaced
        ]
        refusals = set()
        for rule in self.policy.limit_rules:
            if rule.channel not in ("", said.channel) or (rule.sku and rule.sku not in asked):
                continue
            fitting = [claim for claim in mine if rule.channel in ("", claim.said.channel)]
            has = [claim for claim in fitting if not rule.sku or any(line.sku == rule.sku for line in claim.lines)]
            if rule.open_reservations_max and len(has) + 1 > rule.open_reservations_max:
                refusals.add("OPEN_RESERVATIONS_LIMIT")
            for sku, units in asked.items():
                held = sum(claim.held(sku) for claim in fitting)
                if rule.units_max and rule.sku in ("", sku) and held + units > rule.units_max:
                    refusals.add("UNITS_LIMIT")
        return min(refusals, default="")  # open reservations come first, by the alphabet as by precedence

    def _step(
        self, command: ask.Confirm | ask.MarkReady | ask.Collect | ask.Release | ask.Extend, now_ms: int
    ) -> Outcome:
        claims = [claim for claim in self.claims if claim.number == command.number]
        if not claims:
            return ("no", "RESERVATION_NOT_FOUND")
        (claim,) = claims
        if claim.status is Status.EXPIRED:
            return ("no", "RESERVATION_EXPIRED")
        needs = {ask.Confirm: [Status.HELD], ask.MarkReady: [Status.CONFIRMED]}.get(type(command), LIVE)
        if claim.status not in needs:
            return ("no", "TRANSITION_NOT_ALLOWED")
        if isinstance(command, ask.Collect | ask.Release):
            return self._hand_over(claim, command, now_ms)
        if isinstance(command, ask.MarkReady):
            claim.status = Status.READY
        else:
            asked_ms = command.ttl_ms if isinstance(command, ask.Extend) else command.collect_within_ms
            if asked_ms > self.policy.ttl_ms_max:
                return ("no", "TTL_TOO_LONG")
            claim.deadline_ms = now_ms + (asked_ms or self.policy.collect_within_ms)
            if isinstance(command, ask.Confirm):
                claim.status = Status.CONFIRMED
        self.events += 1
        return claim.outcome()

    def _hand_over(self, claim: Claim, command: ask.Collect | ask.Release, now_ms: int) -> Outcome:
        asked = command.lines or tuple((line.sku, line.held()) for line in claim.lines)
        skus = [line.sku for line in claim.lines]
        if any(sku not in skus for sku, _ in asked):
            return ("no", "LINE_NOT_FOUND")
        for sku in skus:
            if sum(units for other, units in asked if other == sku) > claim.held(sku):
                return ("no", "QUANTITY_EXCEEDS_HELD")
        taken = [0 for _ in claim.lines]
        for sku, units in asked:
            for _ in range(units):  # unit by unit, from the first line on that still holds one
                index = next(i for i, line in enumerate(claim.lines) if line.sku == sku and line.held() > taken[i])
                taken[index] += 1
        if isinstance(command, ask.Release):
            self._give_back(claim, taken, Status.RELEASED, now_ms)
            return claim.outcome()
        for line, units in zip(claim.lines, taken, strict=True):
            line.sold += units
            self.promised.append(Move(line.sku, now_ms, -units))
            self.moved.append(Move(line.sku, now_ms, -units))
        self._end(claim, Status.COLLECTED)
        return claim.outcome()

    def _adjust(self, command: ask.AdjustStock, now_ms: int) -> Outcome:
        mark = max([0] + [sequence for source, sequence in self.marks if source == command.source])
        rows: list[ask.Movement] = []
        repeated = late = 0
        for row in command.movements:
            if row.sequence == mark or any((row.sequence, row.sku) == (other.sequence, other.sku) for other in rows):
                repeated += 1
            elif row.sequence < mark:
                late += 1
            else:
                rows.append(row)
        self.events += 1
        for row in rows:
            self.marks.append((command.source, row.sequence))
            self._meet(row.sku, now_ms)
            if 0 < row.occurred_at_ms <= now_ms and row.occurred_at_ms <= self.last_count_ms(row.sku):
                continue  # the count has seen it
            at_ms = row.occurred_at_ms if 0 < row.occurred_at_ms <= now_ms else now_ms
            self.moved.append(Move(row.sku, at_ms, row.delta))
        return ("stock", len(rows), repeated, late, self._shortfalls([row.sku for row in rows], now_ms))

    def _count(self, command: ask.CountStock, now_ms: int) -> Outcome:
        as_of_ms = command.as_of_ms if 0 < command.as_of_ms < now_ms else now_ms
        counts = [(sku, units) for sku, units in command.counts if as_of_ms >= self.last_count_ms(sku)]
        late = len(command.counts) - len(counts)
        for sku, _ in counts:
            if as_of_ms < now_ms and any(sku == known and as_of_ms < at_ms for known, at_ms in self.seen_since):
                return ("no", "COUNT_TOO_OLD")
        self.events += 1
        for sku, units in counts:
            self._meet(sku, now_ms)
            then = self.on_hand(sku, as_of_ms if as_of_ms < now_ms else None)
            set_aside = self.held_then(sku, as_of_ms) if as_of_ms < now_ms else self.held(sku)
            self.moved.append(Move(sku, as_of_ms, units + (0 if command.holds_included else set_aside) - then))
            self.counted.append((sku, as_of_ms))
        return ("stock", len(counts), 0, late, self._shortfalls([sku for sku, _ in counts], now_ms))

    def _shortfalls(self, touched: list[str], now_ms: int) -> Outcome:
        """Held loses before confirmed before ready, and the youngest first; one release for each that loses."""
        shortfalls = []
        lost: dict[int, list[int]] = {}
        for sku in dict.fromkeys(touched):
            missing = left = self.held(sku) - max(0, self.on_hand(sku))
            if missing <= 0:
                continue
            losses = []
            for status in LIVE:
                for claim in reversed(self.claims):
                    units = min(left, claim.held(sku)) if claim.status is status else 0
                    if units:
                        losses.append((claim.number, units))
                        left -= units
                        wanted = lost.setdefault(claim.number, [0 for _ in claim.lines])
                        for index, line in enumerate(claim.lines):
                            if line.sku == sku:
                                wanted[index] = min(line.held(), units)
                                units -= wanted[index]
            shortfalls.append((sku, missing, tuple(losses)))
        self.events += len(shortfalls)
        for claim in self.claims:
            if claim.number in lost:
                self._give_back(claim, lost[claim.number], Status.RELEASED, now_ms)
        return tuple(shortfalls)
