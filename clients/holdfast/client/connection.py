"""The gRPC channels of a client, one attempt of a call, and `Caller`, which repeats attempts by the retry policy."""

import asyncio
import contextlib
import itertools
import random
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import grpc
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.wrappers_pb2 import Int32Value

from holdfast.client.limits import RetryPolicy, Timeouts
from holdfast.client.statuses import Attempts, Fault, fault_from_rpc
from holdfast.v1.services import SERVICES


@dataclass(frozen=True, slots=True)
class Method:
    """One RPC. `decode` makes an answer of bytes."""

    path: str
    name: str
    decode: Callable[[bytes], Any]


METHODS: Final[dict[type[Any], Method]] = {
    GetMessageClass(method.input_type): Method(
        f"/{service.full_name}/{method.name}", method.name, GetMessageClass(method.output_type).FromString
    )
    for service in SERVICES
    for method in service.methods
}
"""Every RPC of `holdfast.v1`, by the type of its request, which no other RPC has."""

# Its messages have one field each, and are encoded as a StringValue and an Int32Value: no package is needed for them.
CHECK_HEALTH: Final = Method("/grpc.health.v1.Health/Check", "Check", Int32Value.FromString)


def _encoded(request: Message | bytes) -> bytes:
    return request if isinstance(request, bytes) else request.SerializeToString()


TIMEOUT_KEY = "holdfast-timeout-ms"
"""Metadata by which the service learns an attempt's deadline; it cannot see gRPC's own."""

_METADATA_KEY = re.compile("[a-z0-9._-]+")
"""What gRPC sends. It would refuse another key call by call, in words that do not name it."""

OPTIONS: tuple[tuple[str, int], ...] = (
    # gRPC's own back-off grows to two minutes, which ruins every failover. With its jitter of a fifth and the longest
    # wait of the retry policy, a service that is back is found within 0.85 s.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 500),
    # By its name a back-off, in truth the shortest time that a connection attempt is given.
    ("grpc.min_reconnect_backoff_ms", 1_000),
    ("grpc.dns_min_time_between_resolutions_ms", 1_000),
    # A path that died without a word is found out within 25 s while calls or watches are open.
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    # Full batches answer with more than the 4 MB that gRPC takes by default.
    ("grpc.max_receive_message_length", 64 << 20),
    ("grpc.max_send_message_length", 64 << 20),
    # The retry policy of this package is the one owner of retries.
    ("grpc.enable_retries", 0),
    # Without it, channels to one target share one connection, and a new client inherits an old one's back-off.
    ("grpc.use_local_subchannel_pool", 1),
)


def options_for(target: str) -> tuple[tuple[str, int | str], ...]:
    """OPTIONS, and for several addresses the first as the authority of calls: gRPC would send all of them, which
    HAProxy takes for a broken call, and ends as INTERNAL while no gateway is up.
    """
    scheme, _, addresses = target.partition(":")
    if scheme not in ("ipv4", "ipv6") or "," not in addresses:
        return OPTIONS
    return (*OPTIONS, ("grpc.default_authority", addresses.partition(",")[0]))


class Connection:
    """Channels to one target, used in turn. Make it inside the event loop that uses it."""

    def __init__(
        self,
        target: str,
        *,
        channels: int = 1,
        credentials: grpc.ChannelCredentials | None = None,
        metadata: Sequence[tuple[str, str]] = (),
    ) -> None:
        if channels < 1:
            raise ValueError(f"channels is {channels}; at least 1 is needed")
        for key, _ in metadata:
            if not _METADATA_KEY.fullmatch(key):
                raise ValueError(f"metadata has the key {key!r}; write it with a-z 0-9 . _ and - only")
        self.target = target
        self._metadata = tuple(metadata)
        open_channel: Callable[..., grpc.aio.Channel] = grpc.aio.insecure_channel
        if credentials is not None:
            open_channel = partial(grpc.aio.secure_channel, credentials=credentials)
        self._channels = [open_channel(target, options=options_for(target)) for _ in range(channels)]
        self._turn = itertools.cycle(range(channels))
        self._under_way = 0
        self._idle = asyncio.Event()
        self._unary: list[dict[str, grpc.aio.UnaryUnaryMultiCallable[Any, Any]]] = [{} for _ in self._channels]

    async def call(self, method: Method, request: Message | bytes, timeout_ms: int) -> Any:
        """One attempt. Raises `grpc.aio.AioRpcError`; CancelledError also where the channel was closed meanwhile."""
        number = next(self._turn)
        multicallable = self._unary[number].get(method.name)
        if multicallable is None:
            multicallable = self._channels[number].unary_unary(
                method.path, request_serializer=_encoded, response_deserializer=method.decode
            )
            self._unary[number][method.name] = multicallable
        metadata = (*self._metadata, (TIMEOUT_KEY, str(timeout_ms)))
        self._under_way += 1
        try:
            response = await multicallable(request, timeout=timeout_ms / 1000, metadata=metadata)
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._idle.set()
        if response is None:
            # So gRPC tells that it could not decode an answer, and logs why.
            nothing = grpc.aio.Metadata()
            raise grpc.aio.AioRpcError(grpc.StatusCode.INTERNAL, nothing, nothing, "the answer cannot be decoded")
        return response

    def stream(self, method: Method, request: Message, timeout_ms: int) -> grpc.aio.UnaryStreamCall[Any, Any]:
        """One attempt at a stream of answers."""
        multicallable = self._channels[next(self._turn)].unary_stream(
            method.path, request_serializer=_encoded, response_deserializer=method.decode
        )
        metadata = (*self._metadata, (TIMEOUT_KEY, str(timeout_ms)))
        return multicallable(request, timeout=timeout_ms / 1000, metadata=metadata)

    async def drain(self, grace_ms: int) -> None:
        """Wait up to `grace_ms` for the calls under way; streams are not waited for."""
        self._idle.clear()
        if self._under_way:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._idle.wait(), grace_ms / 1000)

    async def close(self) -> None:
        """Close every channel; calls under way are cancelled."""
        for channel in self._channels:
            await channel.close(None)


class Caller:
    """Makes single calls over a connection, with retries."""

    def __init__(
        self,
        connection: Connection,
        *,
        timeouts: Timeouts,
        retry: RetryPolicy,
    ) -> None:
        self.connection = connection
        self.timeouts = timeouts
        self.retry = retry
        self.jitter = random.random
        self.closed = False

    async def ask(
        self,
        request: Message,
        *,
        method: Method | None = None,
        timeout_ms: int | None = None,
        attempt_ms: int | None = None,
        idempotency_key: str | None = None,
        retry: RetryPolicy | None = None,
        undecided: Callable[[Any], Sequence[Fault]] = lambda _: (),
    ) -> Any:
        """The answer to `request`, asked for until it comes or `timeout_ms` are over; raises errors of the tree.

        `method` is given where the request's type does not say it.
        `idempotency_key` is None for a read, and empty for a change that has no key; such a one is given the `retry`
        that suits it. `undecided` finds in an answer the parts of it that are still to be had: the whole is then asked
        for again, and the answer that lacked the fewest is given in the end, such as it is.
        """
        loop = asyncio.get_running_loop()
        deadline_at = loop.time() + (self.timeouts.call_ms if timeout_ms is None else timeout_ms) / 1000
        attempts = Attempts(idempotency_key)
        method = method or METHODS[type(request)]
        what, where = method.name, self.connection.target
        longest_ms = self.timeouts.attempt_ms if attempt_ms is None else attempt_ms
        response: Any = None
        while True:
            if self.closed:
                if response is not None:
                    return response
                raise attempts.error_at_close(what=what, where=where, in_flight=False)
            remaining_ms = (deadline_at - loop.time()) * 1000
            try:
                answer = await self.connection.call(method, request, max(1, min(longest_ms, int(remaining_ms))))
                faults = undecided(answer)
                if not faults:
                    return answer
                fault = faults[0]
                if response is None or len(faults) < len(undecided(response)):
                    response = answer
            except grpc.aio.AioRpcError as error:
                fault = fault_from_rpc(error)
            except asyncio.CancelledError:
                if cancelled_from_outside(closed=self.closed):
                    raise
                fault = Fault(grpc.StatusCode.CANCELLED, "the connection was closed during the call")
            wait_ms = attempts.wait_ms(
                retry or self.retry,
                fault,
                remaining_ms=(deadline_at - loop.time()) * 1000,
                jitter=self.jitter(),
            )
            if wait_ms is None:
                if response is not None:
                    return response
                raise attempts.error(fault, what=what, where=where)
            await asyncio.sleep(wait_ms / 1000)


def cancelled_from_outside(*, closed: bool) -> bool:
    """Whether the running task is cancelled, and not its call alone, by the client that was closed meanwhile.

    Python 3.10 keeps no count of cancellations: there, who is cancelled while its client closes hears of the closing.
    """
    if sys.version_info >= (3, 11):
        task = asyncio.current_task()
        return task is None or task.cancelling() > 0
    else:  # noqa: RET505  # the type checker looks at one of two branches only
        return not closed
