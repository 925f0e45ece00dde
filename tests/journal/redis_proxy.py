"""Between a journal and its Redis: passes everything on, and breaks the connection where a test says."""

import socket
from collections.abc import Callable
from contextlib import suppress
from threading import Lock, Thread
from typing import Final

BYTES: Final = 1 << 16


class RedisProxy:
    """Listens on a free port. What is armed strikes once, at the next request or answer that has the text."""

    def __init__(self, port: int) -> None:
        self._target = ("127.0.0.1", port)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._lock = Lock()
        self._open: list[socket.socket] = []
        self._request: tuple[bytes, Callable[[], object]] | None = None
        self._answered = False
        Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self._listening.getsockname()[1]}/0"

    def lose_request(self, text: bytes, then: Callable[[], object] = lambda: None) -> None:
        """The next request with this text does not arrive."""
        self._request, self._answered = (text, then), False

    def lose_answer(self, text: bytes, then: Callable[[], object] = lambda: None) -> None:
        """The next request with this text arrives, and once it is answered `then` is called; the answer is lost."""
        self._request, self._answered = (text, then), True

    @property
    def armed(self) -> bool:
        return self._request is not None

    def close(self) -> None:
        with self._lock:
            for each in (self._listening, *self._open):
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
                each.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError), socket.create_connection(self._target) as server:
            with self._lock:
                self._open += [client, server]
            back = Thread(target=_pass_on, args=(server, client), daemon=True)
            struck = self._until_struck(client, server, back)
            for each in (client, server):
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
            if struck is not None:
                struck()

    def _until_struck(self, client: socket.socket, server: socket.socket, back: Thread) -> Callable[[], object] | None:
        back.start()
        while data := client.recv(BYTES):
            if self._request is not None and self._request[0] in data:
                (_, then), self._request = self._request, None
                if self._answered:
                    with socket.create_connection(self._target) as alone:  # its answer comes here, and goes no further
                        alone.sendall(data)
                        alone.recv(BYTES)
                return then
            server.sendall(data)
        return None


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(BYTES):
            target.sendall(data)
        target.shutdown(socket.SHUT_RDWR)
