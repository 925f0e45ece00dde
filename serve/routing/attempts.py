"""Calls to actors that are attempted again, as they or their answers may be lost on the way; answers of several."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeVar

from actors.protocol.messages import ActorGone, Answer, CallLost, LedgerElsewhere
from serve.routing.batcher import DeadlinePassed
from serve.routing.queued import Rest

RETRY_FIRST_S: Final = 0.02
RETRY_MAX_S: Final = 0.2
ATTEMPT_S_MAX: Final = 5.0  # a call to a restarting actor may hang: it is given up, and sent again

T = TypeVar("T")


def soon() -> float:
    """The end, in loop time, of a call that is attempted once."""
    return asyncio.get_running_loop().time() + ATTEMPT_S_MAX


async def until(
    deadline: float,
    attempt: Callable[[], Awaitable[T]],
    attempt_s: float = ATTEMPT_S_MAX,
    *,
    over_losses: bool = True,
) -> T:
    """Attempt until it succeeds or the deadline (loop time) passes; raises DeadlinePassed then. Raises CallLost where
    it does not go on over losses, and LedgerElsewhere, as another actor is to be asked.
    """
    loop = asyncio.get_running_loop()
    pause_s = RETRY_FIRST_S
    while True:
        left_s = deadline - loop.time()
        if left_s <= 0:
            raise DeadlinePassed(sent=True)
        try:
            async with asyncio.timeout(min(left_s, attempt_s)):
                return await attempt()
        except (ActorGone, TimeoutError) as error:
            if isinstance(error, LedgerElsewhere) or (isinstance(error, CallLost) and not over_losses):
                raise
            await asyncio.sleep(min(pause_s, max(0.0, deadline - loop.time())))
            pause_s = min(2 * pause_s, RETRY_MAX_S)


async def gathered(queued: Sequence[tuple[Awaitable[list[Answer]], list[int]]], count: int) -> list[Answer]:
    """The answers of what was submitted, in sequence, once all are there."""
    answers: list[Any]
    if len(queued) == 1:
        answers = await queued[0][0]
    else:
        answers = [None] * count
        for found, (_, places) in zip(await asyncio.gather(*(each for each, _ in queued)), queued, strict=True):
            for place, answer in zip(places, found, strict=True):
                answers[place] = answer
    while rests := [(place, answer) for place, answer in enumerate(answers) if isinstance(answer, Rest)]:
        for place, rest in rests:
            answers[place] = (await rest.answers)[rest.place]
    return answers
