"""First attempts that are refused by what the shops have just said to be sold out; see `routing.sold_out`."""

import asyncio
from typing import Any

from actors.protocol.messages import Entry
from serve.routing.rates import Rates
from serve.routing.router import Router
from serve.wire.reservations import Plain, may_be_hinted, plain_first
from serve.wire.statuses import by_hint


class Hinting:
    """For one call, or a slice of a batch, which is there at one instant."""

    def __init__(self, router: Router, rates: Rates) -> None:
        self._sold_out = router.sold_out
        self._rates = rates
        self._now = asyncio.get_running_loop().time()
        self._said: dict[Plain, Any] = {}

    def refuses_plain(self, request: Any, reply: Any) -> bool | None:
        """Refuse a plain first attempt for what is sold out, which is not translated for that: hints are about what is
        valid. None for any other, which `refuses` looks at.
        """
        plain = plain_first(request)
        if plain is None:
            return None
        said = self._said.get(plain)
        if said is None:
            store_id, channel, sku, units = plain
            refusal = self._sold_out.refusal_for(store_id, channel, ((sku, units),), self._now)
            if refusal is None:
                return False
            said = self._said[plain] = by_hint(refusal, store_id)
        reply.rejection.CopyFrom(said)
        self._rates.count(plain[2])
        return True

    def refuses(self, request: Any, entry: Entry, reply: Any) -> bool:
        """Refuse a first attempt for what is sold out."""
        refusal = self._sold_out.refusal_of(entry, self._now)
        if refusal is None or not may_be_hinted(request):
            return False
        reply.rejection.CopyFrom(by_hint(refusal, entry[0]))
        return True
