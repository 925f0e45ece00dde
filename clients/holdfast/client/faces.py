"""What the blocking faces are made of: a coroutine method or an async iterator, one blocking step at a time."""

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import suppress
from functools import update_wrapper
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar

from holdfast.client.errors import ClientClosed
from holdfast.client.portal import Portal
from holdfast.client.subscription import Subscription

ParamsT = ParamSpec("ParamsT")
ResultT = TypeVar("ResultT")
ItemT = TypeVar("ItemT")
ClientT = TypeVar("ClientT")
ClientT_co = TypeVar("ClientT_co", covariant=True)


class Face(Protocol[ClientT_co]):
    """A blocking face: an async client, and the portal to the loop that it lives in."""

    @property
    def portal(self) -> Portal:
        """The way into the loop."""
        ...

    @property
    def client(self) -> ClientT_co:
        """The async client."""
        ...


class Closable(Protocol):
    """An async client, as far as its end is concerned."""

    async def close(self) -> None:
        """Finish, and let go of everything."""
        ...


def open_client(name: str, make: Callable[[], Coroutine[Any, Any, ClientT]]) -> tuple[Portal, ClientT]:
    """A portal, its thread of this name, and the client that was made in its loop."""
    portal = Portal(name)
    try:
        return portal, portal.run(make)
    except BaseException:
        portal.close()
        raise


def close_client(portal: Portal, client: Closable) -> None:
    """Close the client in its loop, then the portal. Safe to repeat, and from several threads."""
    try:
        # Closed already, or by another thread in this moment.
        with suppress(ClientClosed):
            portal.run(client.close)
    finally:
        portal.close()


class _End:
    """What an exhausted iterator gives."""


class BlockingIterator(Generic[ItemT]):
    """An async iterator of the client, one blocking step at a time."""

    def __init__(self, portal: Portal, items: AsyncIterator[ItemT]) -> None:
        self._portal = portal
        self._items = items

    def __iter__(self) -> "BlockingIterator[ItemT]":
        return self

    def __next__(self) -> ItemT:
        async def step() -> ItemT | _End:
            return await anext(self._items, _End())

        item = self._portal.run(step)
        if isinstance(item, _End):
            raise StopIteration
        return item


class BlockingSubscription(BlockingIterator[ItemT]):
    """A watch that blocks for the next thing told; use it with `with`, or call `close`, also from another thread."""

    def __init__(self, portal: Portal, subscription: Subscription[ItemT]) -> None:
        super().__init__(portal, subscription)
        self._subscription = subscription

    @property
    def cursors(self) -> dict[str, int]:
        """By shop, the version up to which things were handed on: what to resume from in a new watch."""
        return self._subscription.cursors

    def __enter__(self) -> "BlockingSubscription[ItemT]":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the watch; `cursors` stay."""
        self._portal.run(self._subscription.aclose)


def blocking(
    method: Callable[Concatenate[ClientT, ParamsT], Coroutine[Any, Any, ResultT]],
) -> Callable[Concatenate[Face[ClientT], ParamsT], ResultT]:
    """A coroutine method as one that blocks, with the same arguments, result, errors and docs."""

    def call(self: Face[ClientT], /, *args: ParamsT.args, **kwargs: ParamsT.kwargs) -> ResultT:
        return self.portal.run(lambda: method(self.client, *args, **kwargs))

    update_wrapper(call, method)
    return call
