"""A Redis as the exam's storage: a copy of its log is what is left if the power goes."""

from itertools import count
from pathlib import Path
from typing import Any

import pytest

from actors.journal.redis import RedisJournal
from tests.journal.redis_process import ABSENT, RedisProcess
from tests.journal.storages import with_bit_flipped

ACTOR = "store-S1"


class RedisStorage:
    """A server of its own, started when it is first used."""

    def __init__(self, folder: Path, *server_options: str, process: RedisProcess | None = None) -> None:
        if ABSENT:
            pytest.skip(ABSENT)
        self.process = process or RedisProcess(folder / "redis", *server_options)
        self._folder = folder
        self._opened: list[RedisJournal] = []
        self._copies: list[RedisStorage] = []
        self._numbers = count(1)

    def open(self, **options: Any) -> RedisJournal:
        if not self.process.port:
            self.process.start()
        journal = RedisJournal(self.process.url, ACTOR, **options)
        self._opened.append(journal)
        return journal

    def after_crash(self) -> "RedisStorage":
        folder = self._folder / f"copy-{next(self._numbers)}"
        copy = RedisStorage(folder, process=self.process.copied(folder / "redis"))
        self._copies.append(copy)
        return copy

    def torn(self, bytes_lost: int) -> "RedisStorage":
        copy = self.after_crash()
        path = copy.process.log_path
        with path.open("r+b") as log:
            log.truncate(max(0, path.stat().st_size - bytes_lost))
        return copy

    def flipped(self, payload: bytes) -> "RedisStorage":
        copy = self.after_crash()
        image = copy.process.log_path.read_bytes()
        copy.process.log_path.write_bytes(with_bit_flipped(image, image.index(payload) + len(payload) // 2))
        return copy

    def close(self) -> None:
        for copy in self._copies:
            copy.close()
        for journal in self._opened:
            journal.close()
        self._opened.clear()
        self.process.stop()
