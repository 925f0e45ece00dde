"""What is done with the orders of a shop that picks, step by step, by a web shop, two tablets, tills and customers.
Each step that was answered is noted, for the shop's feed and for what a till hears of it.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import count
from time import perf_counter
from typing import Final

from bench.demo.pick_check import PickCheck
from bench.demo.pickups import Desk
from bench.demo.run import NotRecovered
from bench.demo.tablets import Tablet
from bench.demo.walk_plan import (
    BULB,
    COLLECT_WITHIN_MS,
    HANDED_OVER,
    LAMP,
    MUG,
    MUG_CODE,
    STORE_ID,
    UNITS,
    Ending,
    Short,
    Tapped,
    WalkOrder,
)
from holdfast.client import (
    ChannelClient,
    Contact,
    ContactConsent,
    MessageChannel,
    PickupChangeKind,
    PickupCode,
    Reservation,
    Status,
    TillClient,
)
from holdfast.client.models import events as feed, pick_events as picks
from holdfast.client.models.reservations import Returned

EXPIRED_S_MAX: Final = 60.0
SILENCE_S_MAX: Final = 60.0
LOOK_S: Final = 0.25

_OF_SHORT: Final[dict[Short, tuple[str, type]]] = {
    Short.SUBSTITUTE: ("SUBSTITUTE", feed.Amended),
    Short.LATER: ("LATER", feed.Extended),
    Short.WITHOUT: ("WITHOUT", feed.Released),
}
_TELEPHONE: Final = "+4930901820{:03}"


class NotServed(Exception):
    """A customer was refused what is there for all."""


class Walk:
    """The shop, its orders, and who works with them."""

    def __init__(self, client: ChannelClient, tablets: Sequence[Tablet], desk: Desk, till: TillClient) -> None:
        self._client = client
        self._tablets = tablets
        self._desk = desk
        self._till = till  # where customers come without a code
        self._counted = asyncio.Lock()  # at a till one customer is served after the other
        self._numbers = count(1)
        self._owners: dict[str, Tablet] = {}
        self.came = desk.came
        self.check = PickCheck()
        self.ids: dict[WalkOrder, str] = {}
        self._codes: dict[WalkOrder, PickupCode] = {}

    # before it is picked

    async def order(self, order: WalkOrder) -> None:
        """A customer orders, and has a code."""
        own = order.customer_id
        consents = (ContactConsent(MessageChannel.EMAIL, granted=True),)
        telephone = _TELEPHONE.format(order.number)
        reached = Contact(own, email=f"{own}@example.com", telephone=telephone, display_name=own, consents=consents)
        await self._client.put_contact(reached, idempotency_key=f"{own} contact")
        held = await self._client.reserve(
            STORE_ID, order.lines, customer_id=own, channel="web", idempotency_key=f"{own} reserve"
        )
        if not isinstance(held, Reservation):
            raise NotServed(f"{own} was told {held}")
        within_ms = COLLECT_WITHIN_MS if order.ending is Ending.LATE else None
        reservation_id = self.ids[order] = held.reservation_id
        key = f"{own} confirm"
        confirmed = await self._client.confirm(reservation_id, collect_within_ms=within_ms, idempotency_key=key)
        if not isinstance(confirmed, Reservation):
            raise NotServed(f"{own} was told {confirmed}")
        self.check.tell(reservation_id, feed.Reserved, feed.Confirmed)
        self._codes[order] = await self._client.get_pickup_code(reservation_id)

    # picking

    async def take_from_queue(self, times: int) -> None:
        """Both tablets take the next task at once, so often."""
        for _ in range(times):
            said = await asyncio.gather(*(each.step("claim", self._key("queue")) for each in self._tablets))
            for tablet, answer in zip(self._tablets, said, strict=True):
                if answer.is_taken:
                    self._take(answer.reservation_id, tablet)

    async def contest(self, order: WalkOrder) -> None:
        """Both tablets want the task at the same moment: one has it, the other is told so."""
        reservation_id = self.ids[order]
        said = await asyncio.gather(
            *(each.step("claim", self._key(each.name), id=reservation_id) for each in self._tablets)
        )
        for tablet, answer in zip(self._tablets, said, strict=True):
            if answer.is_taken:
                self._take(reservation_id, tablet)
        if reservation_id not in self._owners:
            self._refused(f"{reservation_id} was given to no tablet")
            self._owners[reservation_id] = self._tablets[0]
        self.came.tasks_contested += 1

    def _take(self, reservation_id: str, tablet: Tablet) -> None:
        self._owners[reservation_id] = tablet
        self.check.tell_claimed(reservation_id, tablet.name)

    async def pick(self, order: WalkOrder) -> None:
        """All of it, with what is missing, by the tablet that has the task."""
        await self.contest(order)
        for sku, units in order.lines:
            if sku != LAMP or order.short is Short.NOTHING:
                await self._tick(order, sku, units)
                continue
            await self._shorten(order, *_OF_SHORT[order.short])
            if order.short is Short.SUBSTITUTE:
                await self._tick(order, BULB, 1)
            if order.short is Short.LATER:  # it is found after all, by whoever takes the task then
                self.check.tell_left(self.ids[order])
                del self._owners[self.ids[order]]
                await self.contest(order)
                await self._tick(order, LAMP, 1)

    async def find_nothing(self, order: WalkOrder) -> None:
        """None of it is there, and the customer goes without it."""
        await self.contest(order)
        await self._shorten(order, "WITHOUT", feed.Released)

    async def _tick(self, order: WalkOrder, sku: str, units: int) -> None:
        """Mugs by their code, one after the other; the rest by its button."""
        if sku == MUG:
            twice, units = order.tapped is Tapped.SCAN, units - 1
            await self._step(order, "scan", {"code": MUG_CODE}, picks.PickScanned, twice=twice)
        by_button = {"sku": sku, "quantity": str(units)}
        await self._step(order, "scan", by_button, picks.PickScanned, units=units)

    async def _shorten(self, order: WalkOrder, choice: str, kind: type) -> None:
        fields = {"sku": LAMP, "quantity": "1", "choice": choice, "minutes": "1"}
        if choice == "SUBSTITUTE":
            fields["substitute"] = BULB
        twice = order.tapped is Tapped.SHORT
        await self._step(order, "short", fields, kind, picks.PickShorted, twice=twice)
        self.came.shorts[choice] = self.came.shorts.get(choice, 0) + 1
        is_over = order.ending is Ending.NOTHING_LEFT
        self._expect(PickupChangeKind.WITHDRAWN if is_over else PickupChangeKind.CHANGED, order)

    async def make_ready(self, order: WalkOrder) -> None:
        """It lies in a bay, and tills hear of it."""
        self._desk.ready_at[self.ids[order]] = perf_counter()
        twice, bay = order.tapped is Tapped.READY, f"B{order.number % 20}"
        await self._step(order, "ready", {"bay": bay}, feed.ReadyMarked, picks.PickFinished, twice=twice)
        self._expect(PickupChangeKind.READY, order)

    # with the customer

    async def arrive(self, order: WalkOrder) -> None:
        """Two of three customers say that they are there, one of them to staff."""
        if order.number % 3 == 0:
            waits_at, key = f"bay {order.number}", f"{order.customer_id} arrives"
            await self._client.note_arrival(self.ids[order], waits_at=waits_at, idempotency_key=key)
            self.check.tell(self.ids[order], picks.ArrivalNoted)
        elif order.number % 3 == 1:
            await self._step(order, "arrived", {"waits_at": "at the counter"}, picks.ArrivalNoted)
        self.came.arrivals += order.number % 3 < 2

    async def part_with(self, order: WalkOrder) -> None:
        """Hand it over, or say that nobody came."""
        if order.ending is Ending.NO_SHOW:
            await self._step(order, "no_show", {}, feed.Released)
            await self.give_up(order)
            return
        if order.ending is Ending.ON_TABLET:
            twice, payment = order.tapped is Tapped.HAND_OVER, f"paid for {order.customer_id}"
            await self._step(order, "hand_over", {"payment": payment, "id_checked": "on"}, twice=twice)
            handed_over: Reservation | None = await self._client.get_reservation(self.ids[order])
        else:
            async with self._counted:
                handed_over = await self._collect(order)
        if handed_over is None or handed_over.reservation_id != self.ids[order]:
            self._refused(f"{order.customer_id} came for {self.ids[order]} and was given {handed_over}")
            return
        self.check.tell(self.ids[order], feed.Collected)
        self._expect(PickupChangeKind.COLLECTED, order)
        self.came.handed_over += handed_over.status is Status.COLLECTED

    async def _collect(self, order: WalkOrder) -> Reservation | None:
        """At a till, by what the customer shows or says."""
        code, till = self._codes[order], self._till
        if order.ending is Ending.BY_CODE:
            return await self._desk.serve(code.code)
        if order.ending is Ending.BY_SHORT_CODE:
            [found] = await till.scanned(code.short_code.lower())
        else:
            [found] = await till.pickups_of(order.customer_id, _TELEPHONE.format(order.number)[-4:])
        recipient_id = f"neighbour-{order.number}" if order.ending is Ending.BY_SHORT_CODE else ""
        payment = f"paid at {till.till} for {found.reservation_id}"
        first, again = [
            await till.collect(
                found.reservation_id, payment_reference=payment, recipient_id=recipient_id, id_checked=True
            )
            for _ in range(2)
        ]
        self._desk.compare_said(first, again)
        handed = first.hand_over if isinstance(first, Reservation) else None
        if handed is None or (handed.device, handed.recipient_id, handed.id_checked) != (till.till, recipient_id, True):
            self._refused(f"{order.customer_id} was handed {first}")
        return first if isinstance(first, Reservation) else None

    async def give_up(self, order: WalkOrder) -> None:
        """Nobody came: tills were told, and what was picked goes back."""
        self._expect(PickupChangeKind.WITHDRAWN, order)
        back = {f"back:{sku}": str(units) for sku, units in order.goods}
        await self._step(order, "put_back", back, picks.PickPutBack)
        self.came.no_shows += 1
        self.came.put_back += 1

    async def wait_expired(self, order: WalkOrder) -> None:
        """Until its time is over. Raises NotRecovered."""
        deadline = perf_counter() + EXPIRED_S_MAX
        while (await self._client.get_reservation(self.ids[order])).status is not Status.EXPIRED:
            if perf_counter() > deadline:
                raise NotRecovered(f"{self.ids[order]} did not expire within {EXPIRED_S_MAX:g} s")
            await asyncio.sleep(LOOK_S)
        self.check.tell(self.ids[order], feed.Expired)
        await self.give_up(order)

    async def bring_back(self, order: WalkOrder) -> None:
        """A mug comes back by its receipt, said twice."""
        reservation_id, mug = self.ids[order], [(MUG, 1)]
        first, again = [
            await self._till.return_reservation(
                reservation_id,
                refund_reference=f"refund of {order.customer_id}",
                lines=mug,
                unsellable=mug if order.number % 2 else (),
            )
            for _ in range(2)
        ]
        self._desk.compare_said(first, again)
        if not isinstance(first, Reservation):
            self._refused(f"{order.customer_id} brought a mug back and was told {first}")
            return
        self.check.tell(reservation_id, Returned)
        self._expect(PickupChangeKind.RETURNED, order)
        self.came.returns += 1

    # what is behind it

    def _key(self, name: str) -> str:
        return f"walk {name} {next(self._numbers)}"

    async def _step(
        self,
        order: WalkOrder,
        step: str,
        fields: Mapping[str, str],
        *kinds: type,
        twice: bool = False,
        units: int = 1,
    ) -> None:
        """A step at the tablet that has the task, which is to be taken; twice where it is tapped so."""
        tablet = self._owners[self.ids[order]]
        form = {"id": self.ids[order], **fields}
        if twice:
            said, again = await tablet.step_twice(step, self._key(step), **form)
            self.came.double_taps += 1
            if said != again:
                self.came.double_taps_differing += 1
                self.came.findings.add(f"{step} of {self.ids[order]}: first {said}, then {again}")
                said = said if said.is_taken else again
        else:
            said = await tablet.step(step, self._key(step), **form)
        if not said.is_taken:
            self._refused(f"{tablet.name} was refused {step} of {self.ids[order]}: {form}")
            return
        self.check.tell(self.ids[order], *kinds, units=units)

    def _expect(self, kind: PickupChangeKind, order: WalkOrder) -> None:
        self._desk.expected[kind, self.ids[order]] += 1

    def _refused(self, why: str) -> None:
        self.came.refused += 1
        self.came.findings.add(why)

    async def judge(self, orders: Sequence[WalkOrder]) -> None:
        """Hold the books, the tasks and the feed against what was told."""
        self.came.tasks_left = len([task async for task in self._client.list_pick_tasks(STORE_ID)])
        expected = Counter(dict.fromkeys((MUG, LAMP, BULB), UNITS))
        for order in orders:
            if order.ending in HANDED_OVER:
                expected.subtract(dict(order.goods))
            expected[MUG] += order.is_returned and not order.number % 2
            expected[LAMP] -= order.written_off
        (there,) = await self._client.get_availability([STORE_ID], [*expected])
        for position in there.positions:
            off = max(abs(found - expected[position.sku]) for found in (position.on_hand, position.available))
            if off:
                self.came.units_missing += off
                self.came.findings.add(f"{expected[position.sku]} units were expected, and there is {position}")
        self.came.holds_in_ledger = (await self._client.verify_ledger(STORE_ID)).holds
        version = (await self._client.ledger_status(STORE_ID)).version
        async with asyncio.timeout(SILENCE_S_MAX), self._client.watch_events({STORE_ID: 0}) as events:
            async for event in events:
                self.check.see(event)
                if event.version >= version:
                    break
        came, check = self.came, self.check
        came.orders, came.tasks, came.steps = len(orders), len(self.ids), check.told.total()
        came.tasks_owned_twice = check.tasks_owned_twice
        came.steps_twice, came.steps_missing = check.steps_twice(), check.steps_missing()
        for sentence in check.findings:
            came.findings.add(sentence)
