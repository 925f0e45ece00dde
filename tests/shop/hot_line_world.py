"""The world of a hot SKU with lines in its shops: while somebody waits in one, the ledger of the SKU sells nothing of
that shop, whatever comes free with it.
"""

from typing import Any, Final

from msgspec.structs import replace

from actors.core.rejection import Reason, Rejection
from actors.core.status import Status
from actors.shop.commands import Reserve
from actors.shop.hot.units import GiveBackUnits, HotTotals, TakeUnitsBack
from actors.shop.state import Reservation
from tests.shop.hot_world import HOPS_MAX, HOT, SKU, World

WAIT_MS: Final = 3_600_000


class LineWorld(World):
    """Customers may wait as well."""

    def wait(self, store_id: str, units: int, *, losses: int = 0) -> Any:
        """Reserve, or wait for it; a gateway has what comes free with the ledger of the SKU kept before. By `losses`
        messages are lost.
        """
        customer_id = f"w{self.keys}"
        command = Reserve(self.key(), customer_id, "web", "", ((SKU, units),), 0, wait_ms=WAIT_MS)
        for _ in range(HOPS_MAX):
            answer = self.say(store_id, command)
            if not isinstance(answer, Rejection) or answer.reason is not Reason.UNITS_ELSEWHERE:
                return answer
            arrives, losses = losses % 4 != 3, losses // 4
            handed = self.ledgers[store_id].ledger.hot.of(SKU).over
            lacks, keep = answer.asked - answer.available, bool(answer.store_id)
            there: HotTotals = self.say(HOT, GiveBackUnits(store_id, lacks, handed, keep))
            self.tell(store_id, TakeUnitsBack(SKU, there.back), arrives=arrives)
            if not arrives:
                return None
            command = replace(command, fetched=True, kept_at=there.over)
        return None

    def waiting(self, store_id: str) -> list[Reservation]:
        """Those who wait, and had no chance yet."""
        rows = self.ledgers[store_id].ledger.reservations.values()
        waiting = [each for each in rows if each.status is Status.QUEUED and each.lines[0][0] == SKU]
        return [each for each in waiting if each.in_line is not None and not each.in_line.chances]

    def hand(self, store_id: str, units_max: int = 0, given_back: int = 0, *, arrives: bool = True) -> HotTotals:
        """What is kept for a line comes home first, and is handed anew if that is over."""
        if self.ledgers[HOT].ledger.hot.keeps(store_id):
            self.give_back(store_id)
            given_back = self.ledgers[HOT].ledger.hot.of(store_id).back
        return super().hand(store_id, units_max, given_back, arrives=arrives)

    def _decide(self, ledger_id: str, command: Reserve) -> Any:
        before = self.ledgers[ledger_id].ledger.version
        answer = super()._decide(ledger_id, command)
        if ledger_id == HOT and isinstance(answer, Reservation) and answer.number > before:
            store_id = answer.lines[0][0]
            assert not self.waiting(store_id), f"{command.key} passes {self.waiting(store_id)[0].customer_id}"
        return answer
