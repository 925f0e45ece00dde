"""What a failover to a replica may lose, and what it may not where the replica must have each write."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from actors.journal.port import Head, JournalDamaged, JournalFailed
from actors.journal.redis import RedisJournal
from tests.journal.redis_process import RedisProcess
from tests.journal.redis_proxy import RedisProxy
from tests.journal.redis_storage import ACTOR, RedisStorage
from tests.journal.storages import appended, record, records_of
from tests.waiting import until

WAIT_S = 30.0


@pytest.fixture
def replica(redis_storage: RedisStorage, tmp_path: Path) -> Iterator[RedisProcess]:
    """One of the storage's server, which has heard of all so far."""
    redis_storage.open()
    process = RedisProcess(tmp_path / "replica")
    process.start()
    process.ask("REPLICAOF", "127.0.0.1", redis_storage.process.port)
    until(lambda: process.info()["master_link_status"] == "up", within_s=WAIT_S, what="a replica")
    yield process
    process.stop()


def promoted(replica: RedisProcess, storage: RedisStorage) -> None:
    """The replica takes the place of its master, which is gone, under the master's address."""
    storage.process.kill()
    replica.ask("REPLICAOF", "NO", "ONE")


def test_a_failover_without_waiting_loses_what_the_replica_had_not_heard_and_its_owner_stops(
    redis_storage: RedisStorage, replica: RedisProcess
) -> None:
    owner = redis_storage.open()
    written = appended(owner, "S1", [1])
    head = redis_storage.process.ask("HGET", owner._heads, "S1")
    until(lambda: replica.ask("HGET", owner._heads, "S1") == head, within_s=WAIT_S, what="the replica")
    replica.ask("REPLICAOF", "NO", "ONE")  # the network between them is gone
    owner.append([record("S1", 1, 2)])  # answered

    port = redis_storage.process.port
    promoted(replica, redis_storage)
    assert records_of(RedisJournal(replica.url, ACTOR), "S1") == written, "an answer is lost"
    replica.stop()
    replica.port = port
    replica.start()
    with pytest.raises(JournalDamaged, match=r"it stood at epoch 1, and stands at epoch 1, seq 1: .* has lost what it"):
        owner.append([record("S1", 1, 3)])


def test_a_failover_loses_nothing_that_was_answered_once_the_replica_had_it(
    redis_storage: RedisStorage, replica: RedisProcess
) -> None:
    owner = redis_storage.open(replicas=1)
    written = appended(owner, "S1", [1, 2])
    replica.ask("REPLICAOF", "NO", "ONE")
    with pytest.raises(JournalFailed, match="0 replicas had a write, and 1 must; it is not answered"):
        owner.append([record("S1", 1, 4)])
    with pytest.raises(JournalFailed, match="not used any more"):
        owner.append([record("S1", 1, 4)])

    promoted(replica, redis_storage)
    successor = RedisJournal(replica.url, ACTOR)
    assert successor.take_over("S1") == Head(2, 3)
    assert records_of(successor, "S1") == written


def test_a_write_that_is_sent_again_waits_for_the_replica_too(
    redis_storage: RedisStorage, replica: RedisProcess
) -> None:
    proxy = RedisProxy(redis_storage.process.port)
    owner = RedisJournal(proxy.url, ACTOR, replicas=1)
    appended(owner, "S1", [1])
    proxy.lose_answer(b"1 2 ", then=replica.freeze)
    with pytest.raises(JournalFailed, match="0 replicas had a write"):
        owner.append([record("S1", 1, 2)])
    assert not proxy.armed
    replica.thaw()
    owner.close()
    proxy.close()
