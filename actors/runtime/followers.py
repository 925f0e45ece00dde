"""Lets callers wait until something has happened in an actor's ledgers. Only meanwhile it costs decisions something."""

from collections.abc import Callable
from threading import Condition
from time import monotonic
from typing import TypeVar

T = TypeVar("T")


class Followers:
    """Thread-safe."""

    def __init__(self) -> None:
        self._moved = Condition()
        self._waiting = 0
        self._closed = False

    def tell(self) -> None:
        """Something has happened, or may have."""
        if self._waiting:
            with self._moved:
                self._moved.notify_all()

    def close(self) -> None:
        """Nobody waits any more."""
        self._closed = True
        self.tell()

    def wait_for(self, look: Callable[[], T], wait_s: float) -> T:
        """What a look finds, the first time that it is something, or after `wait_s`."""
        until = monotonic() + wait_s
        with self._moved:
            self._waiting += 1  # before the look: what happens after it is told
            try:
                while not (found := look()) and not self._closed and (left_s := until - monotonic()) > 0:
                    self._moved.wait(left_s)
                return found
            finally:
                self._waiting -= 1
