"""Rules for machines of both kinds of ledger: a snapshot is begun at one moment and written at another."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from actors.core.message import to_json


class ReadAtLeisure(RuleBasedStateMachine):
    """`capture_of` is the kind's Capture, `faults_of` what is wrong in one."""

    capture_of: Any
    faults_of: Any = staticmethod(lambda _capture: [])
    watched: Any

    def __init__(self) -> None:
        super().__init__()
        self.captured: tuple[Any, list[bytes]] | None = None  # and its rows when it was captured
        self.is_read = False

    @rule()
    def a_snapshot_is_begun(self) -> None:
        if self.captured is None:
            capture = self.capture_of(self.watched.ledger)
            self.captured, self.is_read = (capture, [to_json(row) for row in capture.rows()]), False
            capture.freeze()

    @rule(count=st.sampled_from([1, 2, 1_000]))
    def a_snapshot_is_written(self, count: int) -> None:
        """It is of when it began; what changed meanwhile is put in its place, a piece at each call."""
        if self.captured is not None:
            capture, rows = self.captured
            assert self.is_read or [to_json(row) for row in capture.rows()] == rows
            assert self.is_read or self.faults_of(capture) == []
            self.is_read = True
            if capture.thaw(count):
                self.captured = None
