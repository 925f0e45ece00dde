"""A world in which some callers move units between shops, whatever befalls gateways, actors and what they say."""

import asyncio
from typing import Any, Final

from msgspec.structs import replace

from actors.core.chain import Chain, PolicySet, evolve_chain
from actors.core.ids import is_customers
from actors.core.rejection import Reason
from actors.core.status import ReleaseReason, Status
from actors.shop import commands as shop
from actors.shop.audit.books import AuditResult
from actors.shop.audit.journal import Audit
from actors.shop.audit.transfers import across
from actors.shop.state import Reservation
from actors.shop.transfers import transfer as cm
from actors.shop.transfers.transfer import Transfer
from serve.coordination.transfers import receive, tell_soon
from serve.services.reservation_batches import RESERVE
from tests.journal.memory import MemoryDisk
from tests.simulation.chain_checks import at_home, history, reason_of
from tests.simulation.chain_world import SHOPS, SKUS, ChainWorld
from tests.simulation.checks import Broken
from tests.simulation.gateways import Gateway

RARE: Final = "R"  # which two shops have
COUNTER: Final = "counter"  # a channel
WAIT_MS: Final = 600_000


def audits(disks: dict[str, MemoryDisk]) -> dict[str, AuditResult]:
    """Each shop's journal, audited."""
    found: dict[str, AuditResult] = {}
    for disk, ledger_id in at_home(disks):
        if not is_customers(ledger_id):
            audit = Audit(ledger_id)
            for record in history(disk, ledger_id):
                audit.add(*record)
            found[ledger_id] = audit.result()
    return found


class TransferWorld(ChainWorld):
    """As any other, with transfers among the calls."""

    moves = 0.4  # of all calls

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.arriving: set[str] = set()  # those that are received, or have been: one may await another mover's

    def _chain(self) -> Chain:
        """With the rule by which what is in transit is promised, and without a limit for who comes by the counter: who
        waits in line under one is promised nothing.
        """
        chain = super()._chain()
        *others, of_all = chain.policy.chain_limit_rules
        rules = {"chain_limit_rules": (*others, replace(of_all, channel="web")), "promise_in_transit": True}
        return evolve_chain(chain, PolicySet(replace(chain.policy, version=3, **rules)))

    async def call(self, who: str) -> None:
        if self.random.random() >= self.moves:
            await super().call(who)
            return
        await self.move(who)

    async def _stock(self) -> None:
        """With some of which the other shops have only what comes to them."""
        await super()._stock()
        for store_id in SHOPS[:2]:
            await self.receive(self.gateways[0].router, store_id, RARE, 9)

    async def move(self, who: str) -> None:
        """One transfer, to its end: cancelled, or received with what came."""
        source, destination = self.random.sample(SHOPS, 2)
        lines = ((self.random.choice(SKUS), self.random.randint(1, 3)),)
        if is_rare := self.patience.random() < 0.5:
            source, destination = self.patience.choice(SHOPS[:2]), self.patience.choice(SHOPS[2:])
            lines = ((RARE, lines[0][1]),)
        key = f"{who} moves {len(self.said)}"
        proposed = await self.ask(f"{key} p", source, cm.ProposeTransfer(f"{key} p", destination, lines, 0))
        if not isinstance(proposed, Transfer):
            self.struck["transfer refused"] += 1
            return
        if self.random.random() < 0.2:
            await self.ask(f"{key} c", source, cm.CancelTransfer(f"{key} c", proposed.number))
            self.struck["transfer cancelled"] += 1
            return
        waits = await self.wait_for(key, destination, lines) if is_rare and self.patience.random() < 0.5 else 0
        sent = await self.ask(f"{key} s", source, cm.SendTransfer(f"{key} s", proposed.number))
        if not isinstance(sent, Transfer):
            self.struck["transfer given up"] += 1  # for what was missing at its source
            return
        came = tuple((sku, max(0, units + self.random.choice((-1, 0, 0, 1)))) for sku, units in lines)
        self.struck["receipt before its advice"] += not self._has_heard(sent)
        awaiting = [each for place in range(2) if is_rare and (each := await self.promised(f"{key} {place}", sent))]
        awaiting += [waits] if waits and await self.has_turn(key, sent, waits) else []
        self.arriving.add(sent.transfer_id)
        receipts = [f"{key} r{place}" for place in range(self.random.choice((1, 1, 2)))]
        answers = await asyncio.gather(*(self.receive_transfer(each, sent, came) for each in receipts))
        if sum(isinstance(answer, Transfer) for answer in answers) != 1:
            raise Broken("I17", f"{sent.transfer_id} was received by {answers}")
        self.struck["transfer received"] += 1
        self.struck["transfer short or over"] += came != lines
        for number in awaiting:
            collect = shop.Collect(f"{key} {number}", number, "p", ())
            answer = await self.ask(f"{key} {number}", destination, collect)
            self.struck["collected what was promised in transit"] += isinstance(answer, Reservation)

    async def wait_for(self, key: str, destination: str, lines: cm.Units) -> int:
        """Somebody waits for what is not on the road yet; the number of his place, 0 for none."""
        command = shop.Reserve(f"{key} q", f"line {key}", COUNTER, "", lines, 0, wait_ms=WAIT_MS)
        entry = destination, command
        place = await self.repeat("mover", f"{key} q", lambda gateway, end: gateway.decide(RESERVE, entry, end))
        return place.number if isinstance(place, Reservation) and place.status is Status.QUEUED else 0

    async def has_turn(self, key: str, sent: Transfer, number: int) -> bool:
        """Whether he is promised it by now, and has confirmed it."""
        answer = await self.ask(f"{key} t", sent.destination, shop.Confirm(f"{key} t", number, 0))
        is_promised = isinstance(answer, Reservation) and answer.awaits is not None
        self.struck["promised in line"] += is_promised
        return is_promised

    async def promised(self, key: str, sent: Transfer) -> int:
        """Somebody asks for what is on the road, and for it in vain at the counter before it has come. Returns his
        reservation, 0 for none.
        """
        ((sku, units),) = sent.lines
        command = shop.Reserve(f"{key} w", f"road {key}", "web", "", ((sku, self.patience.randint(1, units)),), 0)
        entry = sent.destination, command
        held = await self.repeat("mover", f"{key} w", lambda gateway, end: gateway.decide(RESERVE, entry, end))
        if not isinstance(held, Reservation) or held.awaits is None:
            return 0
        self.struck["promised in transit"] += 1
        await self.ask(f"{key} o", sent.destination, shop.Confirm(f"{key} o", held.number, 0))
        early = await self.ask(f"{key} e", sent.destination, shop.Collect(f"{key} e", held.number, "p", ()))
        if isinstance(early, Reservation) and held.awaits.transfer_id not in self.arriving:
            raise Broken("I2", f"{held.awaits.transfer_id} has not come, and was collected: {early}")
        self.struck["asked for goods that were on the road"] += reason_of(early) is Reason.AWAITS_TRANSFER
        if self.patience.random() < 0.2:
            leaves = shop.Release(f"{key} l", held.number, ReleaseReason.CUSTOMER_CANCELLED, ())
            self.struck["promise let go of"] += isinstance(await self.ask(f"{key} l", entry[0], leaves), Reservation)
        return held.number

    async def ask(self, name: str, store_id: str, command: Any) -> Any:
        """A step, asked for until it is answered; the other end may hear of it at once."""

        async def attempt(gateway: Gateway, deadline: float) -> Any:
            answer = await gateway.router.send((store_id, command), deadline, promise=True)
            if isinstance(answer, Transfer) and self.random.random() < 0.7:  # or the gateway ends here
                await tell_soon(gateway.router, store_id, answer, deadline)
            return answer

        return await self.repeat("mover", name, attempt)

    def _has_heard(self, sent: Transfer) -> bool:
        """Whether the destination's actor knows of it."""
        hosts = [process.host for process in self.actors.made.values()]
        ledgers = [host.stale_read(sent.destination) for host in hosts if sent.destination in host.recovered_ids()]
        return any(sent.transfer_id in ledger.transfers.inbound for ledger in ledgers)

    async def receive_transfer(self, name: str, sent: Transfer, came: cm.Units) -> Any:
        """What came, at the destination, which may not have heard of it."""
        command = cm.ReceiveTransfer(name, sent.transfer_id, came)

        async def attempt(gateway: Gateway, deadline: float) -> Any:
            return await receive(gateway.router, sent.destination, command, deadline)

        return await self.repeat("mover", name, attempt)

    async def _rest(self) -> None:
        await super()._rest()
        missing, violations = across(audits(self.actors.disks))
        if missing or violations:
            raise Broken("I17", f"{missing} units are missing: {violations}")
