"""One batched call, from its request's bytes to its future's result."""

import asyncio
from typing import Generic, TypeVar

from holdfast.client.attempts import Attempts

ResultT = TypeVar("ResultT")


class PendingCall(Attempts, Generic[ResultT]):
    """A call that waits to be sent, is under way, or waits to be sent again.

    `payload` is the encoded request and `lines` its size in lines. `twin` is equal for calls that may not share a
    batch, None for one that has no twin. `deadline_at` is on the loop's clock, in seconds. `alone` is set for a call
    that is to be sent by itself, because a batch with it in it was refused as a whole.
    """

    __slots__ = ("alone", "deadline_at", "future", "lines", "payload", "twin")

    def __init__(
        self,
        payload: bytes,
        *,
        lines: int,
        key: str,
        twin: str | None,
        deadline_at: float,
        future: asyncio.Future[ResultT],
    ) -> None:
        super().__init__(key)
        self.payload = payload
        self.lines = lines
        self.twin = twin
        self.deadline_at = deadline_at
        self.future = future
        self.alone = False
