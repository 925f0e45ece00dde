"""What shops have, asked of their actors for all that look at the same time: one question to an actor, however many.

Nothing is kept: an answer is as old as the question, some milliseconds. Shops are asked about every SKU that somebody
looks for, so that the question costs an actor a few look-ups, and the way there is paid once.
"""

import asyncio
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from serve.routing.batcher import DeadlinePassed
from serve.routing.router import Router
from serve.sourcing.store_index import Flags, Ints, StoreIndex

GATHER_S: Final = 0.004  # how long a question waits for others
QUESTION_S: Final = 1.0  # shops that are away for longer are left out: the others can serve
SKUS_MAX: Final = 512  # of one question; beyond that the next one begins

Rows = npt.NDArray[np.signedinteger[Any]]


class Shelves(NamedTuple):
    """What was found: by SKU a column over all shops of the index, and the places of the slot that was asked for.

    A shop that was not heard has nothing. `places` is -1 where no slot was asked for, `open_` False where none is.
    """

    columns: dict[str, Ints]
    places: Ints
    open_: Flags
    heard: Flags


class _Question:
    """One that is still gathering."""

    __slots__ = ("answer", "rows", "skus")

    def __init__(self) -> None:
        self.skus: dict[str, None] = {}
        self.rows: set[int] = set()
        self.answer: asyncio.Task[Shelves] | None = None


class AvailabilityQuery:
    """One for each gateway."""

    def __init__(self, router: Router) -> None:
        self._router = router
        self._gathering: dict[tuple[int, int], _Question] = {}

    async def ask(
        self, store_index: StoreIndex, rows: Rows, skus: tuple[str, ...], slot_start_ms: int, deadline: float
    ) -> Shelves:
        """What these shops have, those that answer soon. Raises what the router raises, but for those that do not."""
        key = (store_index.revision, slot_start_ms)
        question = self._gathering.get(key)
        if question is None or question.answer is None or len(question.skus) + len(skus) > SKUS_MAX:
            question = self._gathering[key] = _Question()
            question.answer = asyncio.get_running_loop().create_task(self._ask_soon(store_index, key, question))
        question.skus.update(dict.fromkeys(skus))
        question.rows.update(rows.tolist())
        try:
            async with asyncio.timeout_at(deadline):
                return await asyncio.shield(question.answer)  # others wait for it as well
        except TimeoutError:
            raise DeadlinePassed(sent=True) from None

    async def _ask_soon(self, store_index: StoreIndex, key: tuple[int, int], question: _Question) -> Shelves:
        await asyncio.sleep(GATHER_S)
        if self._gathering.get(key) is question:
            del self._gathering[key]
        return await self._ask_actors(store_index, question, key[1])

    async def _ask_actors(self, store_index: StoreIndex, question: _Question, slot_start_ms: int) -> Shelves:
        skus = list(question.skus)
        found = Shelves(
            {sku: np.zeros(len(store_index), np.int64) for sku in skus},
            np.full(len(store_index), -1, np.int64),
            np.ones(len(store_index), np.bool_),
            np.zeros(len(store_index), np.bool_),
        )
        deadline = asyncio.get_running_loop().time() + QUESTION_S
        groups = self._router.by_actor([store_index.store_ids[row] for row in sorted(question.rows)])
        answers = await asyncio.gather(
            *(
                self._router.ask_by_rules(actor, "stock", store_ids, skus, slot_start_ms, deadline=deadline)
                for actor, store_ids in groups.items()
            ),
            return_exceptions=True,
        )
        for store_ids, shops in zip(groups.values(), answers, strict=True):
            if isinstance(shops, DeadlinePassed):
                continue
            if isinstance(shops, BaseException):
                raise shops
            rows = [store_index.rows[store_id] for store_id in store_ids]
            found.heard[rows] = True
            for column, units in zip(
                found.columns.values(), zip(*(shop[0] for shop in shops), strict=True), strict=True
            ):
                column[rows] = units
            for row, (_, left) in zip(rows, shops, strict=True):
                found.open_[row] = left is not None
                found.places[row] = -1 if left is None else left
        return found
