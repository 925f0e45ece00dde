"""A world in which some callers move units between shops, whatever befalls gateways, actors and what they say."""

import asyncio
from typing import Any

from actors.core.ids import is_customers
from actors.shop import transfers as cm
from actors.shop.audit import Audit
from actors.shop.audit_books import AuditResult
from actors.shop.audit_transfers import across
from actors.shop.transfers import Transfer
from serve.coordination.transfers import receive, tell_soon
from tests.journal.memory import MemoryDisk
from tests.simulation.chain_checks import at_home, history
from tests.simulation.chain_world import SHOPS, SKUS, ChainWorld
from tests.simulation.checks import Broken
from tests.simulation.gateways import Gateway


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

    async def call(self, who: str) -> None:
        if self.random.random() >= self.moves:
            await super().call(who)
            return
        await self.move(who)

    async def move(self, who: str) -> None:
        """One transfer, to its end: cancelled, or received with what came."""
        source, destination = self.random.sample(SHOPS, 2)
        lines = ((self.random.choice(SKUS), self.random.randint(1, 3)),)
        key = f"{who} moves {len(self.said)}"
        proposed = await self.ask(f"{key} p", source, cm.ProposeTransfer(f"{key} p", destination, lines, 0))
        if not isinstance(proposed, Transfer):
            self.struck["transfer refused"] += 1
            return
        if self.random.random() < 0.2:
            await self.ask(f"{key} c", source, cm.CancelTransfer(f"{key} c", proposed.number))
            self.struck["transfer cancelled"] += 1
            return
        sent = await self.ask(f"{key} s", source, cm.SendTransfer(f"{key} s", proposed.number))
        if not isinstance(sent, Transfer):
            self.struck["transfer given up"] += 1  # for what was missing at its source
            return
        came = tuple((sku, max(0, units + self.random.choice((-1, 0, 0, 1)))) for sku, units in lines)
        self.struck["receipt before its advice"] += not self._has_heard(sent)
        receipts = [f"{key} r{place}" for place in range(self.random.choice((1, 1, 2)))]
        answers = await asyncio.gather(*(self.receive_transfer(each, sent, came) for each in receipts))
        if sum(isinstance(answer, Transfer) for answer in answers) != 1:
            raise Broken("I17", f"{sent.transfer_id} was received by {answers}")
        self.struck["transfer received"] += 1
        self.struck["transfer short or over"] += came != lines

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
