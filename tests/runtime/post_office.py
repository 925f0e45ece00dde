"""Where the tests' letters go: a real server for e-mail, a provider over HTTP, and ways out that a test steers."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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


class PlainWords:
    """Words that name the occasion alone."""

    def of(self, notice: Notice, name: str, language: str) -> Wording:
        text = f"{notice.occasion.name} {name} {language}"
        return Wording(text, text, text, text)


SILENT_S: Final = 0.2  # for which a way out waits for an answer, where a test has a server say nothing
