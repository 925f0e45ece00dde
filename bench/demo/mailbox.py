"""A server for e-mail of the demo's own, on a free port of this machine: what came to whom."""

import re
import socketserver
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock, Thread
from typing import Final

LINE_BYTES_MAX: Final = 4_096
_KEY: Final = re.compile(rb"^Message-ID: <([^>@]+)@", re.MULTILINE | re.IGNORECASE)
_RECIPIENT: Final = re.compile(rb"<([^>]*)>")


class Mailbox:
    """`arrived` are recipient and key of the letters that were taken, in sequence. `strike` is told the number of each
    letter that comes, and whether it was taken: before its content is asked for, and before its sender hears of it.
    """

    def __init__(self) -> None:
        self.arrived: list[tuple[str, str]] = []
        self.strike: Callable[[int, bool], None] = lambda _number, _taken: None
        self.port = 0
        self._met = 0
        self._lock = Lock()

    def meet(self) -> int:
        """One more letter comes: its number, from 1 on."""
        with self._lock:
            self._met += 1
            return self._met

    def take(self, recipient: str, content: bytes) -> None:
        found = _KEY.search(content)
        with self._lock:
            self.arrived.append((recipient, found[1].decode() if found else ""))


@contextmanager
def mailbox() -> Iterator[Mailbox]:
    """One that takes letters until the block ends."""
    box = Mailbox()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            recipient = ""
            self._say("220 demo")
            while line := self.rfile.readline(LINE_BYTES_MAX):
                word = line[:4].upper()
                if word == b"QUIT":
                    self._say("221 bye")
                    return
                if word == b"RCPT" and (found := _RECIPIENT.search(line)):
                    recipient = found[1].decode()
                if word == b"DATA":
                    self._take(recipient)
                else:
                    self._say("250 OK")

        def _take(self, recipient: str) -> None:
            number = box.meet()
            box.strike(number, False)
            self._say("354 go on")
            lines: list[bytes] = []
            while (line := self.rfile.readline(LINE_BYTES_MAX)) and line != b".\r\n":
                lines.append(line)
            if line:  # whole
                box.take(recipient, b"".join(lines))
                box.strike(number, True)
                self._say("250 taken")

        def _say(self, text: str) -> None:
            self.wfile.write(f"{text}\r\n".encode())

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """A sender that was killed has gone."""

    with Server(("127.0.0.1", 0), Handler) as server:
        box.port = server.server_address[1]
        Thread(target=server.serve_forever, name="mailbox", daemon=True).start()
        try:
            yield box
        finally:
            server.shutdown()
