"""Once all is handed over nobody has to know any more who else might have come: that name goes from the contacts,
behind the answer, whoever has handed over.
"""

import asyncio
import logging
from secrets import token_hex
from typing import Final

from actors.contacts.address_book import AddressBook
from actors.core.ids import format_reservation_id
from actors.core.status import Status
from actors.protocol.messages import Answer, Entry
from actors.shop.commands import Collect
from actors.shop.state import Reservation
from serve.services.contacts import Contacts
from serve.wire.statuses import CallRefused

NAMES_MAX: Final = 10_000  # that are still to go; while the contacts are away for so many, further ones stay
AT_ONCE_MAX: Final = 256
AGAIN_S: Final = 5.0

log = logging.getLogger("holdfast.contacts")


class HandedOver:
    """What was handed over by this gateway and is still to be forgotten of. A name stays, until its customer's contacts
    are erased, where the gateway ends before.
    """

    def __init__(self, contacts: Contacts) -> None:
        self._contacts = contacts
        self._left: dict[tuple[str, str], None] = {}  # customers and purchases
        self._running: asyncio.Task[None] | None = None

    def note(self, entry: Entry, ledger_id: str, answer: Answer) -> None:
        """What a ledger has answered to a step."""
        if not (isinstance(answer, Reservation) and isinstance(entry[1], Collect)):
            return
        is_all = answer.status is Status.COLLECTED and self._contacts.has_key
        if not is_all or len(self._left) >= NAMES_MAX:
            return
        self._left[answer.customer_id, format_reservation_id(ledger_id, answer.number)] = None
        if self._running is None:
            self._running = asyncio.create_task(self._run())

    async def _run(self) -> None:
        try:
            while self._left:
                some = list(self._left)[:AT_ONCE_MAX]

                def forget(book: AddressBook, some: list[tuple[str, str]] = some) -> None:
                    for customer_id, purchase_id in some:
                        if book.collector(customer_id, purchase_id):
                            book.set_collector(token_hex(16), customer_id, purchase_id, "")

                try:
                    await self._contacts.ask(asyncio.get_running_loop().time() + AGAIN_S, forget)
                except CallRefused as no:
                    log.warning("who else was to collect is still known of %d: %s", len(self._left), no)
                    await asyncio.sleep(AGAIN_S)
                    continue
                for each in some:
                    del self._left[each]
        finally:
            self._running = None
