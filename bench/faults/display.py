"""What a run shows while it strikes: calls by outcome, their rate, and each fault as it comes and goes."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from bench.faults.recorder import OUTCOMES
from bench.faults.run import Evidence, Plan
from bench.screen import Screen

RATE_OVER_S: Final = 5


class Display:
    """On a terminal a picture that changes; elsewhere a line for each thing that happens."""

    def __init__(self, console: Console, evidence: Evidence, plan: Plan) -> None:
        self._evidence = evidence
        self._plan = plan
        self._began = time.monotonic()
        self._screen = Screen(console, self._picture)
        self.say = self._screen.say

    @contextmanager
    def shown(self) -> Iterator[None]:
        """While this lasts, the picture is there; what was said in it stays."""
        self._began = time.monotonic()
        with self._screen.shown():
            yield

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
        return Group(Text(title, style="bold"), table)
