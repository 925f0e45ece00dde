"""First attempts that are refused by what the shops have just said to be sold out; see `routing.sold_out`."""

import asyncio
from typing import Any

from actors.protocol.messages import Entry
from serve.routing.rates import Rates
from serve.routing.router import Router
from serve.wire.reservations import Plain, may_be_hinted, plain_first
from serve.wire.statuses import by_hint


class Hinting:
    """For one call, or one batch: that is there at one instant, so what is refused of it once is refused again without
    being translated.
    """

    def __init__(self, router: Router, rates: Rates) -> None:
        self._sold_out = router.sold_out
        self._rates = rates
        self._now = asyncio.get_running_loop().time()
        self._said: dict[Plain, Any] = {}

    def refuses_again(self, request: Any, reply: Any) -> bool:
        """Refuse what is like one before it, but for key and customer."""
        plain = plain_first(request) if self._said else None
        said = None if plain is None else self._said.get(plain)
        if plain is None or said is None:
            return False
        reply.rejection.CopyFrom(said)
        self._rates.count(plain[2])
        return True

    def refuses(self, request: Any, entry: Entry, reply: Any) -> bool:
        """Refuse a first attempt for what is sold out."""
        refusal = self._sold_out.refusal_of(entry, self._now)
        if refusal is None or not may_be_hinted(request):
            return False
        reply.rejection.CopyFrom(by_hint(refusal, entry[0]))
        if (plain := plain_first(request)) is not None:
            self._said[plain] = reply.rejection
        return True
