"""The last batch torn at every byte of its log, on both kinds of journal: it is there whole, or not at all."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

import pytest
from redis import Redis, exceptions

from actors.journal.port import Head
from actors.journal.wal import verify_log
from tests.journal.redis_storage import RedisStorage
from tests.journal.storages import FRAME_HEADER_BYTES, SqliteStorage, appended, record, records_of

BATCH: Final = (4, 5)
SEQS: Final = [1, 3]  # of what was written before: one record, and a batch of two as one
SMALL_PAGE_BYTES: Final = 512  # the least that SQLite takes: a frame of it is torn in eight times fewer places
DEBUG: Final = ("--enable-debug-command", "yes")


@pytest.fixture
def small_pages(sqlite_storage: SqliteStorage) -> SqliteStorage:
    """An empty database file that keeps its pages small when a journal opens it."""
    with closing(sqlite3.connect(sqlite_storage.path)) as db:
        db.execute(f"PRAGMA page_size={SMALL_PAGE_BYTES}")
        db.execute("VACUUM")
    return sqlite_storage


@pytest.mark.parametrize("zeroed", [False, True])
def test_a_batch_torn_at_any_byte_of_sqlites_log_is_not_there(small_pages: SqliteStorage, *, zeroed: bool) -> None:
    journal = small_pages.open()
    written = appended(journal, "S1", [1, 2])
    before = small_pages.log_path.stat().st_size
    journal.append([record("S1", 1, seq) for seq in BATCH])
    copy = small_pages.after_crash()
    size = copy.log_path.stat().st_size
    frames, rest = divmod(size - before, FRAME_HEADER_BYTES + SMALL_PAGE_BYTES)
    assert (frames > 1, rest) == (True, 0)
    assert seqs_in(copy) == [*SEQS, *BATCH]

    with copy.log_path.open("r+b", buffering=0) as log:
        for end in range(size - 1, before - 1, -1):
            if zeroed:
                os.pwrite(log.fileno(), b"\0", end)
            else:
                os.truncate(log.fileno(), end)
            verify_log(copy.log_path)  # it is no damage
            assert seqs_in(copy) == SEQS, f"torn at {end} of {before} to {size}"
    torn = copy.open()
    assert records_of(torn, "S1") == written
    assert torn.take_over("S1") == Head(2, SEQS[-1])


def seqs_in(storage: SqliteStorage) -> list[int]:
    """What SQLite recovers, by a connection that changes neither file."""
    with suppress(FileNotFoundError):
        Path(f"{storage.path}-shm").unlink()
    with closing(sqlite3.connect(f"file:{storage.path}?mode=ro", uri=True)) as db:
        return [seq for (seq,) in db.execute("SELECT seq FROM records ORDER BY seq")]


@pytest.fixture
def reloading(tmp_path: Path) -> Iterator[RedisStorage]:
    """A server that reads its log again when it is told to."""
    fresh = RedisStorage(tmp_path, *DEBUG)
    yield fresh
    fresh.close()


def test_a_batch_torn_at_any_byte_of_redis_log_is_not_there(reloading: RedisStorage) -> None:
    journal = reloading.open()
    written = appended(journal, "S1", [1, 2])
    path = reloading.process.log_path
    before = path.stat().st_size
    journal.append([record("S1", 1, seq) for seq in BATCH])
    image = path.read_bytes()

    with Redis(port=reloading.process.port) as client:
        heads, records = journal._heads, journal._records("S1")
        whole = client.hget(heads, "S1")
        for end in range(before, len(image)):
            path.write_bytes(image[:end])
            reload(client)
            assert [entry.split(b"-")[0] for entry, _ in client.xrange(records)] == [b"%d" % seq for seq in SEQS], end
            assert client.hget(heads, "S1") not in (None, whole)
        torn = reloading.open()
        assert records_of(torn, "S1") == written
        assert torn.take_over("S1") == Head(2, SEQS[-1])


def reload(client: Redis) -> None:
    """Have the server load its log as at a start. It says that it has cut off a torn end as an error."""
    with suppress(exceptions.ResponseError):
        client.execute_command("DEBUG", "LOADAOF")
