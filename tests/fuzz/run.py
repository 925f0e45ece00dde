"""Asks a target what is drawn, in volleys, and looks whether it minds; what it finds is shrunk by hypothesis."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any, Final

from google.protobuf.descriptor import MethodDescriptor
from hypothesis import HealthCheck, Phase, given, seed, settings, strategies as st
from hypothesis.errors import Flaky

from holdfast.v1 import admin_service_pb2 as ad
from tests.fuzz.findings import Found, Records, judge
from tests.fuzz.frames import Line, Wire, said, wires
from tests.fuzz.requests import Drawing, Shot
from tests.fuzz.targets import METHODS, Target, accept
from tests.fuzz.world import SHOPS, World

VOLLEY: Final = 6  # inputs at once; hypothesis bounds how much an example may draw
VOLLEYS_A_WIRE: Final = 8  # kinds of volleys of calls to one of connections
CUSTOMERS_LEDGERS: Final = tuple(f"customers/{number:04}" for number in range(64))

_AT_ONCE: Final = settings(
    database=None,
    deadline=None,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
    print_blob=False,
)


@dataclass(slots=True)
class Tally:
    """What was asked, and what it came to. `found` are sentences."""

    inputs: int = 0
    wires: int = 0
    audits: int = 0
    by_method: Counter[tuple[str, str]] = field(default_factory=Counter)
    found: list[str] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)


class Run:
    """Rounds of volleys against a target and a line, as a seed draws them."""

    def __init__(self, target: Target, line: Line, records: Records) -> None:
        self.target, self.line, self._records = target, line, records
        self.lines: list[int] = []
        self.methods = METHODS
        self.tally = Tally()
        self._world = World(lambda method, request: accept(target, method, request))

    def round(self, of_seed: int, inputs: int, say: Callable[[], None] = lambda: None) -> None:
        """At least so many inputs, or fewer where something is found; then whether all is well."""
        self._world.begin()
        drawing = Drawing(self._world.names(), self.target.now_s)
        self.lines = self.target.lines()
        volleys = [st.tuples(*map(drawing.shot, group)) for group in self._groups(of_seed)]
        wires_of_all = st.tuples(*[wires] * VOLLEY)
        every = [*volleys, *[wires_of_all] * (1 + len(volleys) // VOLLEYS_A_WIRE)]
        for place, volley in enumerate(every):
            if self.tally.found:
                break
            self._noting(partial(self._ask_drawn, volley, of_seed + place, -(-inputs // VOLLEY // len(every)), say))
        self._noting(self._look)
        self.tally.found += self._faults()

    def _groups(self, of_seed: int) -> list[list[MethodDescriptor]]:
        """All methods, so many at once, another way with another seed."""
        methods = Random(of_seed).sample([*self.methods.values()], len(self.methods))
        return [[*methods, *methods * VOLLEY][place : place + VOLLEY] for place in range(0, len(methods), VOLLEY)]

    def _ask_drawn(self, volleys: st.SearchStrategy[Any], of_seed: int, count: int, say: Callable[[], None]) -> None:
        @seed(of_seed)
        @settings(_AT_ONCE, max_examples=count)
        @given(volleys)
        def ask(volley: Sequence[Shot | Wire]) -> None:
            self._volley(volley)
            say()

        ask()

    def ask(self, volley: Sequence[Shot | Wire]) -> None:
        """What is in it at once."""
        self._noting(lambda: self._volley(volley))

    def _noting(self, do: Callable[[], None]) -> None:
        try:
            do()
        except (Found, Flaky) as error:
            self._note(error)

    def _note(self, error: BaseException) -> None:
        causes = error.exceptions if isinstance(error, BaseExceptionGroup) else (error,)
        self.tally.found += [str(each) for each in causes]

    def _volley(self, volley: Sequence[Shot | Wire]) -> None:
        async def main() -> list[str]:
            return [each for each in await asyncio.gather(*map(self._one, volley)) if each]

        found = self.target.run(main)
        self.tally.inputs += len(volley)
        if found:
            raise Found("\n".join(found))
        if faults := self._faults():
            raise Found("; ".join(faults) + f", with {volley}"[:2_000])

    async def _one(self, each: Shot | Wire) -> str:
        try:
            await (self._shoot(each) if isinstance(each, Shot) else self._send(each))
        except Found as found:
            return str(found)
        return ""

    async def _shoot(self, shot: Shot) -> None:
        answer = await self.target.ask(shot)
        self.tally.by_method[shot.method, answer.code.name] += 1
        judge(shot, METHODS[shot.method], answer)

    async def _send(self, wire: Wire) -> None:
        self.tally.wires += 1
        if not await self.line.sent(wire):
            raise Found(f"the actor keeps a connection whose caller has gone: {wire}")
        for port in () if wire.admitted else self.lines:
            if not await said(*await asyncio.open_connection("127.0.0.1", port), wire.payload):
                raise Found(f"the actor at {port} keeps a connection whose caller has gone: {wire}")

    def _look(self) -> None:
        """Whether the service answers as before, its audits find nothing, and the actor is heard."""
        self._world.begin()
        self._world.names()
        hot = [each.sku for each in accept(self.target, "ListHotSkus", ad.ListHotSkusRequest()).hot_skus]
        for ledger_id in (*SHOPS, *CUSTOMERS_LEDGERS, *(f"hot/{sku}" for sku in hot)):
            self._audit("VerifyLedger", ad.VerifyLedgerRequest(store_id=ledger_id))
        self._audit("VerifyOrders", ad.VerifyOrdersRequest())
        if not self.target.run(self.line.answers):
            raise Found(f"the actor is not heard any more: {self.line.failures}")

    def _faults(self) -> list[str]:
        return [*self.target.faults(), *self._records.faults()]

    def _audit(self, method: str, request: Any) -> None:
        self.tally.audits += 1
        for each in accept(self.target, method, request).discrepancies:
            self.tally.found.append(f"{method} {request}: {each}")
