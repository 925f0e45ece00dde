"""Where the tests' letters go: a real server for e-mail, a provider over HTTP, and ways out that a test steers."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from typing import Any, Final

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from actors.delivery.way_out import NOT_BEGUN, Ended, Letter, Wording
from actors.notices.occasion import Outcome
from actors.notices.state import Notice


class MailServer:
    """A server for e-mail on a free port. `letters` are (recipient, content) as they were taken. `answers` has, by
    command, what it answers in place of taking, once each; "break" closes the connection, "silence" says nothing. Who
    gives a password is told that it is wrong.
    """

    def __init__(self) -> None:
        self.letters: list[tuple[str, bytes]] = []
        self.answers: dict[str, list[str]] = {}
        self.port = 0
        self.listening: asyncio.Server
        self._silent = asyncio.Event()

    async def handle_MAIL(  # noqa: N802 - the library's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = await self._answer("MAIL", server)
        if not answer:
            envelope.mail_from = address
        return answer or "250 OK"

    async def handle_RCPT(  # noqa: N802 - the library's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = await self._answer("RCPT", server)
        if not answer:
            envelope.rcpt_tos.append(address)
        return answer or "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - likewise
        takes = await self._answer("TAKEN", server, takes=lambda: self._take(envelope))
        if takes:
            return takes
        answer = await self._answer("DATA", server)
        if not answer:
            self._take(envelope)
        return answer or "250 taken"

    def _take(self, envelope: Envelope) -> None:
        assert isinstance(envelope.content, bytes)
        self.letters += [(address, envelope.content) for address in envelope.rcpt_tos]

    async def _answer(self, command: str, server: SMTP, takes: Callable[[], None] = lambda: None) -> str:
        waiting = self.answers.get(command)
        if not waiting:
            return ""
        takes()
        answer = waiting.pop(0)
        if answer == "break":
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
        if answer in ("break", "silence"):
            await self._silent.wait()
        return answer

    async def serve(self) -> None:
        """Listen in the running loop."""
        loop = asyncio.get_running_loop()
        given: Any = {"hostname": "test", "loop": loop, "auth_require_tls": False, "authenticator": _nobody}
        self.listening = await loop.create_server(lambda: SMTP(self, **given), "127.0.0.1", 0)
        self.port = self.listening.sockets[0].getsockname()[1]


def _nobody(*_: object) -> AuthResult:
    return AuthResult(success=False, handled=False)


@contextmanager
def mail_server() -> Iterator[MailServer]:
    """A server in a thread of its own."""
    server, loop, started = MailServer(), asyncio.new_event_loop(), Event()

    async def main() -> None:
        await server.serve()
        started.set()

    def run() -> None:
        loop.run_until_complete(main())
        loop.run_forever()

    thread = Thread(target=run, daemon=True)
    thread.start()
    started.wait()
    try:
        yield server
    finally:

        async def end() -> None:
            server.listening.close()
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            loop.stop()

        asyncio.run_coroutine_threadsafe(end(), loop)
        thread.join()
        loop.close()


class ScriptedServer:
    """A server for e-mail that says what it is told to, by the command it answers ("HELLO" before the first one, "."
    after the letter): "silence" for nothing, else a reply. It answers all else as servers do. `heard` are the commands.
    """

    USUAL: Final = {"HELLO": "220 test", "EHLO": "250-test\r\n250 AUTH PLAIN", "AUTH": "235 ok", "DATA": "354 go on"}

    def __init__(self, says: dict[str, str]) -> None:
        self.says = self.USUAL | says
        self.heard: list[str] = []
        self.port = 0
        self._talks: set[asyncio.Future[None]] = set()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Listen in the running loop, until all have left."""
        server = await asyncio.start_server(self._talk, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        async with server:
            yield
            await asyncio.gather(*self._talks)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        left = asyncio.get_running_loop().create_future()
        self._talks.add(left)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            await self._say(reader, writer)
        writer.close()
        left.set_result(None)

    async def _say(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        command = "HELLO"
        while command:
            answer = self.says.get(command, "250 ok")
            if answer != "silence":
                writer.write(f"{answer}\r\n".encode())
            is_letter = command == "DATA" and answer.startswith("354")
            line = await (reader.readuntil(b"\r\n.\r\n") if is_letter else reader.readline())
            command = "." if is_letter else line[:4].decode().strip().upper()
            self.heard.append(command)


class Provider:
    """A provider over HTTP that knows a second copy by its key. `taken` are (key, body), `copies` those it passed over;
    it answers each request with the next of `answers`, else 200.
    """

    def __init__(self) -> None:
        self.taken: dict[str, Any] = {}
        self.copies: Counter[str] = Counter()
        self.answers: list[int] = []
        self._lock = Lock()
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(provider.take(self.headers.get("Idempotency-Key", ""), body))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        Thread(target=self._server.serve_forever, daemon=True).start()

    def take(self, key: str, body: Any) -> int:
        with self._lock:
            if key in self.taken:
                self.copies[key] += 1
            else:
                self.taken[key] = body
            return self.answers.pop(0) if self.answers else 200

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Steered:
    """A way out in a test's hands. `arrived` counts what came, by key; `ends` are the outcomes of the next attempts, an
    exception to be raised, else SENT. `connecting` is called before the attempt is recorded, `before` and `after`
    around a letter's arrival.
    """

    def __init__(self) -> None:
        self.arrived: Counter[str] = Counter()
        self.letters: list[Letter] = []
        self.ends: list[Outcome | Exception] = []
        self.connecting: Callable[[], None] = lambda: None
        self.before: Callable[[], None] = lambda: None
        self.after: Callable[[], None] = lambda: None

    async def send(self, letter: Letter, begin: Callable[[], bool]) -> Ended:
        self.connecting()
        if not begin():
            return Ended(Outcome.NOT_SENT, NOT_BEGUN)
        end = self.ends.pop(0) if self.ends else Outcome.SENT
        self.before()
        if isinstance(end, Exception):
            raise end
        if end in (Outcome.SENT, Outcome.UNKNOWN):
            self.arrived[letter.key] += 1
            self.letters.append(letter)
        self.after()
        return Ended(end, "as the test said" if end is not Outcome.SENT else "")


class Hangs:
    """A way out that answers nothing, before its attempt is recorded or after it."""

    def __init__(self, *, begins: bool = False) -> None:
        self.begins = begins
        self.asked = 0
        self._waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def send(self, _letter: Letter, begin: Callable[[], bool]) -> Ended:
        self.asked += 1
        if self.begins:
            begin()
        broken = asyncio.Event()
        self._waiting.append((asyncio.get_running_loop(), broken))
        await broken.wait()
        raise ConnectionError("it was let go")

    def let_go(self) -> None:
        """From another thread: what hangs breaks now."""
        for loop, broken in self._waiting:
            loop.call_soon_threadsafe(broken.set)


class Away:
    """A way out that is away, as long as `why` says so."""

    def __init__(self) -> None:
        self.why = "the server refused the login with 535"
        self.asked: Counter[str] = Counter()  # by the notice's key
        self.arrived: Counter[str] = Counter()

    async def send(self, letter: Letter, begin: Callable[[], bool]) -> Ended:
        self.asked[letter.key] += 1
        if self.why:
            return Ended(Outcome.NOT_SENT, self.why, is_away=True)
        if not begin():
            return Ended(Outcome.NOT_SENT, NOT_BEGUN)
        self.arrived[letter.key] += 1
        return Ended(Outcome.SENT)


class PlainWords:
    """Words that name the occasion alone."""

    def of(self, notice: Notice, name: str, language: str) -> Wording:
        text = f"{notice.occasion.name} {name} {language}"
        return Wording(text, text, text, text)


SILENT_S: Final = 0.2  # for which a way out waits for an answer, where a test has a server say nothing
