"""What a run shows while it strikes: calls by outcome, their rate, and each fault as it comes and goes."""

import asyncio
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from bench.faults.recorder import OUTCOMES
from bench.faults.run import Evidence, Plan

REFRESH_S: Final = 0.5
LINES_MAX: Final = 12
RATE_OVER_S: Final = 5


class Display:
    """On a terminal a picture that changes; elsewhere a line for each thing that happens."""

    def __init__(self, console: Console, evidence: Evidence, plan: Plan) -> None:
        self._console = console
        self._evidence = evidence
        self._plan = plan
        self._began = time.monotonic()
        self._lines: deque[str] = deque(maxlen=LINES_MAX)
        self._live: Live | None = None

    def say(self, line: str) -> None:
        """Something happened."""
        self._lines.append(line)
        if self._live is None:
            self._console.print(line, highlight=False, markup=False)

    @contextmanager
    def shown(self) -> Iterator[None]:
        """While this lasts, the picture is there; what was said in it stays."""
        self._began = time.monotonic()
        if not self._console.is_terminal:
            yield
            return
        with Live(self._picture(), console=self._console, auto_refresh=False) as self._live:
            refreshing = asyncio.ensure_future(self._refresh(self._live))
            try:
                yield
            finally:
                refreshing.cancel()
                self._live.update(self._picture(), refresh=True)
        self._live = None

    async def _refresh(self, live: Live) -> None:
        while True:
            live.update(self._picture(), refresh=True)
            await asyncio.sleep(REFRESH_S)

    def _picture(self) -> RenderableType:
        recorder, passed = self._evidence.recorder, time.monotonic() - self._began
        now = (time.monotonic_ns() - recorder.began_ns) // 1_000_000_000
        outcomes = recorder.outcomes
        table = Table.grid(padding=(0, 2))
        table.add_row("", *OUTCOMES)
        table.add_row("calls", *(f"{outcomes[name]:,}" for name in OUTCOMES))
        recent = range(max(0, now - RATE_OVER_S), now)
        rates = (sum(recorder.per_second[second, name] for second in recent) / RATE_OVER_S for name in OUTCOMES)
        table.add_row("a second", *(f"{rate:,.0f}" for rate in rates))
        strikes = len(self._evidence.strikes)
        plan, kills = self._plan, self._evidence.kills
        how_far = f"{kills} of {plan.kills} kills" if plan.kills else f"{passed:,.0f} of {plan.seconds:,.0f} s"
        title = f"{how_far}, {strikes} strikes; Ctrl-C ends it with a report"
        return Group(Text(title, style="bold"), table, *(Text(line) for line in self._lines))
