"""The connection of a journal to its Redis or Valkey: calls, what a broken connection means, and what the server must
keep to; not what is stored there.

Every call may be sent twice: one whose answer was lost is sent again, with the number of times before, until it is
answered or `PATIENCE_S` is over. The library's own retries are off, as they would not say that number.
"""

import logging
from collections.abc import Callable, Collection, Iterable
from contextlib import closing
from hashlib import sha1
from itertools import count
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any, Final, NamedTuple, TypeVar
from urllib.parse import urlsplit, urlunsplit

from redis import Redis, exceptions
from redis.backoff import NoBackoff
from redis.connection import parse_url
from redis.retry import Retry

from actors.journal.port import JournalFailed

PATIENCE_S: Final = 5.0  # as SQLite's file waits for a lock; a server that restarts is back within it
ANSWER_S: Final = 5.0  # for one answer, flush included
CONNECT_S: Final = 2.0
REPLICAS_MS: Final = 2_000  # in which replicas must have a write, where that is asked for
PAUSE_S, PAUSE_S_MAX = 0.01, 0.5  # between two attempts, doubled each time
STAMP: Final = "holdfast:journal"  # a hash: id, was; see `stamp`
ACTORS: Final = "holdfast:actors"  # a set of the names of those that have a journal
CLIENT: Final = "holdfast:"  # what the names of journals' connections begin with
SCRIPTS: Final = Path(__file__).parent / "redis_scripts"

# The outcome of what was sent is unknown. BusyLoadingError, of a server that starts, is one of the first.
_BROKEN: Final = (exceptions.ConnectionError, exceptions.TimeoutError, OSError)

log = logging.getLogger("holdfast.journal")

T = TypeVar("T")


class Loss(NamedTuple):
    """A weaker setting that an operator may accept, and what is lost by it."""

    setting: str
    value: str
    lost: str


# What the server must be set to. With `no-appendfsync-on-rewrite yes`, a rewrite of the log skips the flush even under
# `appendfsync always`.
NEEDED: Final = {
    "appendonly": "yes",
    "appendfsync": "always",
    "no-appendfsync-on-rewrite": "no",
    "maxmemory-policy": "noeviction",
}
# By the word that accepts it. Eviction is not among them: it takes records out of the middle, at any time.
LOSSES: Final = {
    "everysec": Loss("appendfsync", "everysec", "what was answered in the last two seconds before the machine fails"),
    "os": Loss("appendfsync", "no", "what was answered in the last half minute before the machine fails"),
    "rewrite": Loss(
        "no-appendfsync-on-rewrite", "yes", "what was answered while the log is rewritten, if the machine fails then"
    ),
    "memory": Loss("appendonly", "no", "everything since the last dump, when the server ends"),
}


class RedisServer:
    """One server by its URL; thread-safe. `accepted` are words of LOSSES. What is written is answered once so many
    `replicas` have it too. Raises ValueError for any other word.
    """

    def __init__(
        self, url: str, client_name: str, accepted: Collection[str], patience_s: float, replicas: int = 0
    ) -> None:
        if unknown := sorted(set(accepted) - set(LOSSES)):
            raise ValueError(f"accept_loss={','.join(unknown)}: give of {', '.join(LOSSES)}, with commas")
        parsed: dict[str, Any] = parse_url(url)  # type: ignore[no-untyped-call]
        self.place = "redis://{}:{}/{}".format(*(parsed.get(each, "") for each in ("host", "port", "db")))
        self._url, self._client_name = url, client_name
        self._redis = self._connection(url)
        self._accepted = [LOSSES[word] for word in accepted]
        self._patience_s, self._replicas = patience_s, replicas
        self._closed = Event()
        self._scripts = {path.stem: path.read_bytes() for path in SCRIPTS.glob("*.lua")}
        self._hashes = {name: sha1(text, usedforsecurity=False).hexdigest() for name, text in self._scripts.items()}
        self.lost: list[
            str
        ] = []  # by settings that are weaker than they must be, and accepted; as they were found last

    def run(self, script: str, keys: Iterable[str], *arguments: str | bytes | int, writes: bool = False) -> Any:
        """What a script returns; what one `writes` is with the replicas then. Raises JournalFailed."""
        keys = list(keys)
        execute = self._execute_and_wait if writes and self._replicas else self._redis.execute_command

        def work(times: int) -> Any:
            rest = (len(keys), *keys, times, *arguments)
            try:
                return execute("EVALSHA", self._hashes[script], *rest)
            except exceptions.NoScriptError:  # a new server, or SCRIPT FLUSH: nothing was done
                return execute("EVAL", self._scripts[script], *rest)

        return self._call(work)

    def _execute_and_wait(self, *command: str | bytes | int) -> Any:
        """WAIT is for what its own connection has written."""
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.execute_command(*command)
        pipeline.execute_command("WAIT", self._replicas, REPLICAS_MS)
        said, replicas = pipeline.execute(raise_on_error=False)
        if isinstance(said, Exception):
            raise said
        if replicas < self._replicas:
            why = f"{replicas} replicas had a write, and {self._replicas} must; it is not answered"
            raise JournalFailed(f"{self.place}: after {REPLICAS_MS} ms {why}")
        return said

    def ask(self, *command: str | bytes | int) -> Any:
        """The answer to a command. Raises JournalFailed."""
        return self._call(lambda _: self._redis.execute_command(*command))

    def ask_all(self, *command: str) -> None:
        """Have the server and each replica that it knows do the same. Raises JournalFailed, once all were asked."""
        failed: list[str] = []
        about: dict[str, Any] = self._call(lambda _: self._redis.info("replication"))
        known = [each for name, each in about.items() if name.startswith("slave") and isinstance(each, dict)]
        try:
            self.ask(*command)
        except JournalFailed as error:
            failed.append(str(error))
        for each in known:
            host = f"[{each['ip']}]" if ":" in each["ip"] else each["ip"]
            try:
                with closing(self._connection(self._url_at(f"{host}:{each['port']}"))) as replica:
                    replica.execute_command(*command)
            except (exceptions.RedisError, OSError) as error:
                failed.append(f"its replica {host}:{each['port']}: {error}")
        if failed:
            raise JournalFailed("; ".join(failed))

    def _connection(self, url: str) -> Any:  # its stubs give every command two types
        return Redis.from_url(
            url,
            client_name=self._client_name,
            protocol=2,
            retry=Retry(NoBackoff(), 0),
            socket_timeout=ANSWER_S,
            socket_connect_timeout=CONNECT_S,
            socket_keepalive=True,
        )

    def _url_at(self, place: str) -> str:
        """The same at another address, with who asks."""
        parts = urlsplit(self._url)
        who, at, _ = parts.netloc.rpartition("@")
        return urlunsplit(parts._replace(netloc=f"{who}{at}{place}"))

    def pairs(self, key: str) -> dict[bytes, bytes]:
        """What a hash has. Raises JournalFailed."""
        words = self.ask("HGETALL", key)
        return words if isinstance(words, dict) else dict(zip(words[::2], words[1::2], strict=True))

    def prove(self) -> None:
        """Look at the server's settings. Raises JournalFailed for weaker ones that were not accepted."""
        self._call(lambda _: self._prove())

    def close(self) -> None:
        """End the connections, and what waits for the server to come back."""
        self._closed.set()
        self._redis.close()

    def _call(self, work: Callable[[int], T]) -> T:
        deadline, pause_s = 0.0, PAUSE_S
        for times in count():
            try:
                if times:
                    self._prove()  # another server may answer now
                return work(times)
            except _BROKEN as error:
                now = monotonic()
                deadline = deadline or now + self._patience_s
                if now >= deadline or self._closed.wait(pause_s):
                    raise JournalFailed(f"{self.place}: no answer for {self._patience_s:g} s: {error}") from error
                pause_s = min(2 * pause_s, PAUSE_S_MAX)
            except exceptions.OutOfMemoryError as error:
                why = "its maxmemory is reached, so nothing was written; give it more"
                raise JournalFailed(f"{self.place}: {why} ({error})") from error
            except exceptions.RedisError as error:
                raise JournalFailed(f"{self.place}: {error}") from error
        raise AssertionError

    def _prove(self) -> None:
        """See `prove`. Raises the library's errors too."""
        about: dict[str, Any] = self._redis.info()
        if about["role"] != "master":
            raise JournalFailed(f"{self.place} is a replica; give the address of its master")
        if about.get("cluster_enabled"):
            raise JournalFailed(f"{self.place} is of a Redis Cluster; a journal needs one server with all its keys")
        found: dict[str, str] = self._redis.config_get(*NEEDED)
        lost: list[str] = []
        for setting, needed in NEEDED.items():
            value = found.get(setting, "unknown")
            if value == needed or (lost and found["appendonly"] == "no" and setting != "maxmemory-policy"):
                continue  # without a log its flushes do not matter
            lost.append(self._lost_by(_product(about), setting, value, needed))
        for each in lost if lost != self.lost else ():
            log.critical("%s: its settings lose %s; this was accepted", self.place, each)
        self.lost = lost

    def _lost_by(self, product: str, setting: str, value: str, needed: str) -> str:
        for loss in self._accepted:
            if (loss.setting, loss.value) == (setting, value):
                return f"{loss.lost} ({setting} {value})"
        words = [word for word, loss in LOSSES.items() if (loss.setting, loss.value) == (setting, value)]
        accept = f", or accept that {LOSSES[words[0]].lost} may be lost: accept_loss={words[0]}" if words else ""
        raise JournalFailed(
            f"{self.place}: the setting {setting} of this {product} is {value}, and must be {needed}. "
            f"CONFIG SET {setting} {needed}, and write it into its configuration{accept}"
        )


def _product(about: dict[str, Any]) -> str:
    """Redis or Valkey with its version."""
    if "valkey_version" in about:
        return f"Valkey {about['valkey_version']}"
    return f"Redis {about.get('redis_version', 'of no version')}"
