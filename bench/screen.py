"""What a long run shows: on a terminal a picture that changes with the last lines below it; elsewhere a line for each
thing that happens.
"""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

REFRESHES_S: Final = 2.0
LINES_MAX: Final = 12


class Screen:
    """`picture` is asked for what is to be seen now, by a thread of its own."""

    def __init__(self, console: Console, picture: Callable[[], RenderableType]) -> None:
        self._console = console
        self._picture = picture
        self._lines: deque[str] = deque(maxlen=LINES_MAX)
        self._is_live = False

    def say(self, line: str) -> None:
        self._lines.append(line)
        if not self._is_live:
            self._console.print(line, highlight=False, markup=False)

    @contextmanager
    def shown(self) -> Iterator[None]:
        """While this lasts, the picture is there; what was said in it stays."""
        if not self._console.is_terminal:
            yield
            return
        with Live(get_renderable=self._whole, console=self._console, refresh_per_second=REFRESHES_S):
            self._is_live = True
            try:
                yield
            finally:
                self._is_live = False

    def _whole(self) -> RenderableType:
        return Group(self._picture(), *(Text(line) for line in tuple(self._lines)))
