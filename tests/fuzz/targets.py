"""Where inputs go: a gateway over actors in this process, or a service of the run's own, over gRPC."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, Protocol, Self, TypeVar

import grpc
import psutil
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from bench.service import CHAIN_FILE, Service, marked, serving
from holdfast.v1.services import SERVICES
from tests.fuzz.findings import Found, judge_line
from tests.fuzz.frames import is_line
from tests.fuzz.requests import Shot
from tests.gateway.front import Answer, Context, Front, answer_of
from tests.runtime.runtime_fixture import ManualClock

T = TypeVar("T")

METHODS: Final[dict[str, MethodDescriptor]] = {
    method.name: method for service in SERVICES for method in service.methods
}
DETAILS: Final = "grpc-status-details-bin"
CALL_S: Final = 60.0
STREAM_S: Final = 0.03  # that a stream is read, and
STREAM_MESSAGES: Final = 3
STAYING: Final = ("gateway", "store actors", "customer actors", "haproxy", "serve")
MESSAGE_BYTES: Final = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


class Target(Protocol):
    """Takes calls in a loop of its own."""

    now_s: int  # what its clock says, in seconds since 1970

    def run(self, main: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run a coroutine in the loop."""

    async def ask(self, shot: Shot) -> Answer:
        """What a call comes to."""

    def lines(self) -> list[int]:
        """The ports of this machine at which actors listen for gateways, by now; from now on these must go on."""

    def faults(self) -> list[str]:
        """What has gone wrong beside the answers since the last time: lines of log files, actors that ended."""


def accept(target: Target, method: str, request: Message) -> Any:
    """The reply to a request that must be answered; asked again while an order that was drawn has its units."""
    service = METHODS[method].containing_service.full_name

    async def main() -> Any:
        while True:
            found = await target.ask(Shot(service, method, request.SerializeToString()))
            if found.code is grpc.StatusCode.OK:
                return found.reply
            if found.code is not grpc.StatusCode.UNAVAILABLE:
                raise Found(f"{method} is not answered any more: {found.code.name} {found.message}")

    return target.run(main)


class Here:
    """A gateway of this process."""

    def __init__(self, folder: Path) -> None:
        clock = ManualClock()
        self.now_s = clock.now_ms() // 1_000
        self.front = Front(folder, clock)

    def __enter__(self) -> Self:
        self.front.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.front.__exit__()

    def run(self, main: Callable[[], Coroutine[Any, Any, T]]) -> T:
        return self.front.run(main)

    async def ask(self, shot: Shot) -> Answer:
        context = Context()
        context._metadata += shot.metadata
        answer: Any = getattr(self.front.gateway, shot.method)(shot.payload, context)
        try:
            replies = await _read(answer) if hasattr(answer, "__aiter__") else [await answer]
        except Exception as error:
            raise Found(f"{shot.method} {shot.payload[:200].hex()}: {error!r}") from error
        context.trailers = [each for each in context.trailers if each[0] == DETAILS]
        return answer_of(context, replies)

    def lines(self) -> list[int]:
        return []

    def faults(self) -> list[str]:
        return [f"{actor} ended" for actor, times in self.front.actors.made.items() if times > 1]


async def _read(stream: Any) -> list[Any]:
    replies: list[Any] = []
    try:
        async with asyncio.timeout(STREAM_S):
            async for message in stream:
                replies.append(message)
                if len(replies) == STREAM_MESSAGES:
                    break
    except TimeoutError:
        pass
    finally:
        await stream.aclose()
    return replies


class Served:
    """A service of its own, whose data lies in `folder`, started at about `now_s`."""

    def __init__(self, folder: Path, now_s: int) -> None:
        self._folder = folder
        self._running = ExitStack()
        self._runner = asyncio.Runner()
        self._read_to: dict[Path, int] = {}
        self._staying: dict[psutil.Process, str] = {}
        self.now_s = now_s
        self.service = Service("", "")

    def __enter__(self) -> Self:
        (self._folder / CHAIN_FILE).write_text("stores: []\n", encoding="utf-8")
        self.service = self._running.enter_context(serving(self._folder, 2))
        self._runner.__enter__()
        self._channel = self.run(self._connected)
        return self

    def __exit__(self, *_: object) -> None:
        self.run(self._channel.close)
        self._runner.__exit__(None, None, None)
        self._running.close()

    def run(self, main: Callable[[], Coroutine[Any, Any, T]]) -> T:
        return self._runner.run(main())

    async def _connected(self) -> grpc.aio.Channel:
        return grpc.aio.insecure_channel(self.service.target, options=MESSAGE_BYTES)

    async def ask(self, shot: Shot) -> Answer:
        path, method = f"/{shot.service}/{shot.method}", METHODS[shot.method]
        context, kind = Context(), GetMessageClass(method.output_type)
        replies: list[Any] = []
        try:
            if method.server_streaming:
                ask: Any = self._channel.unary_stream(path)
                replies = await self._stream(ask(shot.payload, metadata=shot.metadata))
            else:
                ask = self._channel.unary_unary(path)
                replies = [await ask(shot.payload, metadata=shot.metadata, timeout=CALL_S)]
        except grpc.aio.AioRpcError as error:
            context.code, context.details = error.code(), error.details() or ""
            trailers = error.trailing_metadata() or ()
            context.trailers = [(key, value) for key, value in trailers if key == DETAILS]  # type: ignore[misc]
            if not context.trailers:  # it is not ours
                return Answer([], context.code, context.details, [], 0, 0, "", {})
        return answer_of(context, [kind.FromString(reply) for reply in replies])

    async def _stream(self, call: Any) -> list[bytes]:
        replies: list[bytes] = []
        try:
            async with asyncio.timeout(STREAM_S):
                async for message in call:
                    replies.append(message)
                    if len(replies) == STREAM_MESSAGES:
                        break
        except TimeoutError:
            pass
        finally:
            call.cancel()
        return replies

    def faults(self) -> list[str]:
        found = [f"process {each.pid}, {role}, ended" for each, role in self._staying.items() if not each.is_running()]
        paths = [*(self._folder / "data" / "logs").glob("*.log*"), self._folder / "data.log"]
        for path in paths:
            found += [f"{path.name}: {fault}" for line in self._new_lines(path) if (fault := judge_line(line))]
        return found

    def _new_lines(self, path: Path) -> Sequence[bytes]:
        with path.open("rb") as file:
            file.seek(self._read_to.get(path, 0))
            whole, newline, _ = file.read().rpartition(b"\n")
        self._read_to[path] = self._read_to.get(path, 0) + len(whole) + len(newline)
        return whole.splitlines()

    def lines(self) -> list[int]:
        self._staying |= {each: role for each, role in marked(self.service.mark).items() if role in STAYING}
        return self.run(self._lines)

    async def _lines(self) -> list[int]:
        actors = [each for each, role in self._staying.items() if role.endswith("actors")]
        listening = [
            connection.laddr.port
            for each in actors
            for connection in each.net_connections("tcp")
            if connection.status == psutil.CONN_LISTEN
        ]
        return [port for port in listening if await is_line(port)]
