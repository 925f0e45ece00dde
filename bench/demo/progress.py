"""What is going on, phase by phase: bars on a terminal, plain lines elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

Tick = Callable[[int], None]

LINE_EVERY_S: Final = 5.0
"""On a plain terminal a long phase says so often how far it is."""


class Phases:
    """The phases of one demo, told to a console."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def say(self, line: str) -> None:
        """A line of its own."""
        self._console.print(line, highlight=False)

    @contextmanager
    def phase(self, title: str, total: int | None = None) -> Iterator[Tick]:
        """A phase; the function moves its bar by so much. `total` None: nobody knows how long it takes."""
        if self._console.is_terminal:
            with self._bars() as bars:
                task = bars.add_task(title, total=total)
                yield lambda count: bars.advance(task, count)
                done = bars.tasks[0].completed
                bars.update(task, total=max(done, 1), completed=max(done, 1))
            return
        began = told = monotonic()
        done_plain = 0
        self.say(f"{title} ...")

        def tick(count: int) -> None:
            nonlocal told, done_plain
            done_plain += count
            if monotonic() - told >= LINE_EVERY_S:
                told = monotonic()
                self.say(f"  {done_plain:,}" + (f" of {total:,}" if total else ""))

        yield tick
        self.say(f"  done in {monotonic() - began:.1f} s" + (f", {done_plain:,}" if done_plain else ""))

    def _bars(self) -> Progress:
        return Progress(
            SpinnerColumn(finished_text="[green]✓"),
            TextColumn("{task.description:<34}"),
            BarColumn(bar_width=36),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self._console,
        )
