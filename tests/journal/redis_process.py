"""A real Redis or Valkey for tests, of the system's or a wheel's, on a free port; killed and started again at will."""

import shutil
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Final

from redis import Redis, exceptions

from bench.peers.database import STOP_S
from bench.peers.redis_server import DURABLE, binary, no_server
from serve.config.environment import free_block
from tests.waiting import until

ABSENT: Final = no_server()
START_S: Final = 30.0
PORTS_TRIED: Final = 5


class RedisProcess:
    """A server with its log in `folder`. `options` are its command line's, behind those of a journal's server."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self.port = 0
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Return once it answers; on the port that it had, or on a free one that the kernel gives to nobody."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for _ in range(1 if self.port else PORTS_TRIED):
            port = self.port
            if not port:
                port, guard = free_block(1)
                guard.close()
            command = [binary(), "--bind", "127.0.0.1", "--port", str(port), "--dir", str(self.folder), *DURABLE]
            with (self.folder / "server.log").open("ab") as log:
                self._process = subprocess.Popen(
                    [*command, *self._options], stdin=subprocess.DEVNULL, stdout=log, stderr=log
                )
            until(lambda port=port: self._is_up(port) or self._has_ended(), within_s=START_S, what="a Redis")  # type: ignore[misc]
            if not self._has_ended():
                self.port = port
                return
        raise AssertionError((self.folder / "server.log").read_text(encoding="utf-8")[-2_000:])

    def ask(self, *command: str | bytes | int) -> object:
        """What it answers to a command."""
        with Redis(port=self.port, socket_timeout=START_S) as client:
            return client.execute_command(*command)

    def info(self) -> dict[str, object]:
        """What it says of itself."""
        with Redis(port=self.port, socket_timeout=START_S) as client:
            found: dict[str, object] = client.info()
            return found

    def kill(self) -> None:
        """Kill -9."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(STOP_S)

    def freeze(self) -> None:
        """It does nothing, and its connections stand."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """In order; nothing where it has ended."""
        if self._process is not None:
            self.thaw()
            self._process.terminate()
            self._process.wait(STOP_S)

    def copied(self, folder: Path) -> "RedisProcess":
        """One that is not started yet, with a copy of what this one has on the disk now."""
        folder.mkdir(parents=True)
        if (self.folder / "appendonlydir").exists():
            shutil.copytree(self.folder / "appendonlydir", folder / "appendonlydir")
        return RedisProcess(folder, *self._options)

    @property
    def log_path(self) -> Path:
        """The file that is appended to."""
        return max((self.folder / "appendonlydir").glob("*.incr.aof"))

    def _has_ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def _is_up(self, port: int) -> bool:
        with suppress(exceptions.ConnectionError), Redis(port=port, socket_timeout=START_S) as client:
            answers: dict[str, object] = client.info("server")
            return self._process is not None and answers["process_id"] == self._process.pid
        return False
