"""What a journal in Redis meets beyond the exam: weak settings, lost answers, a server killed, emptied or filled."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from itertools import count

import pytest

from actors.journal.port import Attempt, Fenced, Head, JournalDamaged, JournalError, JournalFailed, Record, Snapshot
from actors.journal.redis import RedisJournal
from actors.journal.redis_server import LOSSES, NEEDED, STAMP
from tests.journal.redis_proxy import RedisProxy
from tests.journal.redis_storage import ACTOR, RedisStorage
from tests.journal.storages import appended, record, records_of

WEAKER = [(loss.setting, loss.value, word) for word, loss in LOSSES.items()]


@pytest.fixture
def proxy(redis_storage: RedisStorage) -> Iterator[RedisProxy]:
    redis_storage.open()
    proxy = RedisProxy(redis_storage.process.port)
    yield proxy
    assert not proxy.armed, "a fault never struck"
    proxy.close()


@pytest.fixture
def far(proxy: RedisProxy) -> Iterator[RedisJournal]:
    """A journal behind the proxy, which owns S1 with one record."""
    with closing(RedisJournal(proxy.url, ACTOR)) as journal:
        appended(journal, "S1", [1])
        yield journal


@pytest.mark.parametrize(("setting", "value", "word"), WEAKER)
def test_a_weaker_setting_is_refused_until_its_loss_is_accepted(
    redis_storage: RedisStorage, setting: str, value: str, word: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert redis_storage.open().accepted_loss() == ""
    redis_storage.process.ask("CONFIG", "SET", setting, value)

    with pytest.raises(JournalFailed) as refused:
        redis_storage.open()
    for part in (f"the setting {setting} of this", f"is {value}, and must be {NEEDED[setting]}", f"accept_loss={word}"):
        assert part in str(refused.value)

    journal = redis_storage.open(accepted=[word])
    assert journal.take_over("S1") == Head(1, 0)
    assert journal.accepted_loss() == f"{LOSSES[word].lost} ({setting} {value})"
    assert "its settings lose what was answered" in caplog.text or word == "memory"
    with pytest.raises(JournalFailed, match=f"the setting {setting}"):
        redis_storage.open(accepted=sorted(set(LOSSES) - {word}))


def test_a_server_that_evicts_is_refused_whatever_is_accepted(redis_storage: RedisStorage) -> None:
    journal = redis_storage.open(accepted=list(LOSSES))
    redis_storage.process.ask("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    with pytest.raises(JournalFailed, match=r"maxmemory-policy of this .* is allkeys-lru, and must be noeviction"):
        journal.take_over("S1")
    with pytest.raises(ValueError, match=r"accept_loss=eviction"):
        redis_storage.open(accepted=["eviction"])


def test_settings_are_looked_at_again_when_a_ledger_is_taken_over(redis_storage: RedisStorage) -> None:
    journal = redis_storage.open()
    journal.take_over("S1")
    redis_storage.process.ask("CONFIG", "SET", "appendfsync", "everysec")
    with pytest.raises(JournalFailed, match="appendfsync"):
        journal.take_over("S2")


def test_a_replica_is_refused(redis_storage: RedisStorage) -> None:
    redis_storage.open()
    redis_storage.process.ask("REPLICAOF", "127.0.0.1", 1)
    with pytest.raises(JournalFailed, match="is a replica"):
        redis_storage.open()


def test_scripts_that_the_server_has_forgotten_are_sent_again(redis_storage: RedisStorage) -> None:
    journal = redis_storage.open()
    written = appended(journal, "S1", [1, 2])
    redis_storage.process.ask("SCRIPT", "FLUSH")
    journal.append([record("S1", 1, 4)])
    redis_storage.process.ask("SCRIPT", "FLUSH")
    assert records_of(journal, "S1") == [*written, record("S1", 1, 4)]
    journal.write_snapshot("S1", 1, 4, [b"[]"])


def test_an_append_whose_answer_is_lost_is_written_once(far: RedisJournal, proxy: RedisProxy) -> None:
    far.take_over("S2")
    batch = [record("S1", 1, 2), record("S2", 1, 1), record("S1", 1, 4, 2)]
    proxy.lose_answer(b"1 4 ")
    far.append(batch)
    far.append([record("S1", 1, 5)])
    assert records_of(far, "S1") == [record("S1", 1, 1), batch[0], batch[2], record("S1", 1, 5)]
    assert records_of(far, "S2") == [batch[1]]


def test_an_append_that_never_arrives_is_sent_again(far: RedisJournal, proxy: RedisProxy) -> None:
    proxy.lose_request(b"1 2 ")
    far.append([record("S1", 1, 2)])
    assert records_of(far, "S1") == [record("S1", 1, 1), record("S1", 1, 2)]


def test_who_was_replaced_while_its_answer_was_lost_is_fenced(
    far: RedisJournal, proxy: RedisProxy, redis_storage: RedisStorage
) -> None:
    successor = redis_storage.open()
    proxy.lose_answer(b"1 2 ", then=lambda: successor.take_over("S1"))
    with pytest.raises(Fenced, match="epoch 1 was appending, epoch 2 is in force"):
        far.append([record("S1", 1, 2)])
    assert records_of(successor, "S1") == [record("S1", 1, 1), record("S1", 1, 2)]


def test_a_server_killed_between_append_and_answer_has_it_once(
    far: RedisJournal, proxy: RedisProxy, redis_storage: RedisStorage
) -> None:
    def again() -> None:
        redis_storage.process.kill()
        redis_storage.process.start()

    proxy.lose_answer(b"1 2 ", then=again)
    far.append([record("S1", 1, 2)])
    far.append([record("S1", 1, 3)])
    assert records_of(redis_storage.open(), "S1") == [record("S1", 1, seq) for seq in (1, 2, 3)]


def test_an_epoch_whose_answer_is_lost_is_raised_twice(far: RedisJournal, proxy: RedisProxy) -> None:
    proxy.lose_answer(b"holdfast:actors")
    assert far.take_over("S1") == Head(3, 1)
    far.append([record("S1", 3, 2)])


def test_a_kill_under_appends_loses_nothing_that_was_answered(redis_storage: RedisStorage) -> None:
    journals = [redis_storage.open(patience_s=0) for _ in range(4)]
    answered: dict[str, list[Record]] = {}

    def write(number: int) -> None:
        ledger_id = f"S{number}"
        answered[ledger_id] = appended(journals[number], ledger_id, [1])
        with suppress(JournalFailed):
            for seq in count(2):
                journals[number].append([record(ledger_id, 1, seq)])
                answered[ledger_id].append(record(ledger_id, 1, seq))
                if number == 0 and seq == 200:
                    redis_storage.process.kill()

    with ThreadPoolExecutor(len(journals)) as pool:
        list(pool.map(write, range(len(journals))))
    redis_storage.process.start()
    survivor = redis_storage.open()
    for ledger_id, records in answered.items():
        found = records_of(survivor, ledger_id)
        assert found[: len(records)] == records
        assert len(found) <= len(records) + 1, "the one whose answer was lost"
        assert survivor.take_over(ledger_id).seq == found[-1].seq


def _uses(journal: RedisJournal) -> list[Callable[[], object]]:
    return [
        lambda: journal.append([record("S1", 1, 4)]),
        lambda: journal.check_owner({"S1": 1}),
        lambda: journal.read("S1", 0, 1),
        lambda: journal.take_over("S1"),
        lambda: journal.write_snapshot("S1", 1, 1, [b"[]"]),
        lambda: journal.note_reader("warehouse", 5, {"S1": 1}, {"S1": 1}),
    ]


@pytest.mark.parametrize("use", range(6))
def test_a_server_that_was_emptied_stops_its_actor(redis_storage: RedisStorage, use: int) -> None:
    journal = redis_storage.open()
    redis_storage.process.ask("HSET", STAMP, "id", "j-1")
    appended(journal := redis_storage.open(stamp_id="j-1"), "S1", [1, 1, 1])
    redis_storage.process.ask("FLUSHALL")

    with pytest.raises(JournalDamaged, match=r"has lost what it answered|is empty; this service began with j-1"):
        _uses(journal)[use]()
    with pytest.raises(JournalFailed, match="not used any more"):
        journal.take_over("S2")
    with pytest.raises(JournalDamaged, match="is empty; this service began with j-1"):
        redis_storage.open(stamp_id="j-1")
    assert redis_storage.process.ask("DBSIZE") == 0


def test_a_new_ledger_is_not_begun_on_a_server_that_was_emptied(redis_storage: RedisStorage) -> None:
    redis_storage.open()
    redis_storage.process.ask("HSET", STAMP, "id", "j-1")
    journal = redis_storage.open(stamp_id="j-1")
    redis_storage.process.ask("FLUSHALL")
    redis_storage.process.ask("HSET", STAMP, "id", "j-2")
    with pytest.raises(JournalDamaged, match="has another journal, j-2; this service began with j-1"):
        journal.take_over("S9")
    assert redis_storage.process.ask("DBSIZE") == 1


@pytest.mark.parametrize("use", range(6))
def test_a_server_that_comes_back_with_less_stops_its_actor(redis_storage: RedisStorage, use: int) -> None:
    journal = redis_storage.open()
    appended(journal, "S1", [1, 1])
    older = redis_storage.after_crash()
    journal.append([record("S1", 1, 3)])
    redis_storage.process.kill()
    older.process.port = redis_storage.process.port
    older.process.start()

    if use == 5:  # the epoch is in force there all the same, and nothing of the ledger is written
        _uses(journal)[use]()
        return
    with pytest.raises(JournalDamaged, match=r"it stood at epoch 1, and stands at epoch [12], seq 2"):
        _uses(journal)[use]()
    successor = older.open()
    assert records_of(successor, "S1") == [record("S1", 1, 1), record("S1", 1, 2)]


def test_memory_that_is_full_refuses_a_batch_whole(redis_storage: RedisStorage) -> None:
    journal = redis_storage.open()
    for ledger_id in ("S1", "S2"):
        appended(journal, ledger_id, [1])
    redis_storage.process.ask("CONFIG", "SET", "maxmemory", 1)
    with pytest.raises(JournalFailed, match="its maxmemory is reached, so nothing was written"):
        journal.append([record("S1", 1, 2), record("S2", 1, 2)])
    with pytest.raises(JournalFailed, match="not used any more"):
        journal.append([record("S1", 1, 2)])

    redis_storage.process.ask("CONFIG", "SET", "maxmemory", 0)
    successor = redis_storage.open()
    assert [successor.take_over(ledger_id) for ledger_id in ("S1", "S2")] == [Head(2, 1), Head(2, 1)]


def test_a_script_that_is_sent_twice_writes_once_and_knows_its_own(redis_storage: RedisStorage) -> None:
    journal = redis_storage.open()
    written = appended(journal, "S1", [1])
    checksum = journal._known["S1"].checksum
    words = (2, "S1", f"1 1 {checksum}", "1 2 77", 2, "1 1 5 77", b"[]")
    keys = (journal._heads, journal._records("S1"))
    assert journal._run("append", keys, *words) == 1
    assert (
        journal._server._redis.execute_command("EVAL", journal._server._scripts["append"], 2, *keys, 1, *words) == 1
    ), "it was told that it is sent again"
    assert journal._run("append", keys, *words) == [b"S1", b"1 2 77"]
    other = (*words[:3], "1 2 78", 2, "1 1 5 78", b"[1]")
    said = journal._server._redis.execute_command("EVAL", journal._server._scripts["append"], 2, *keys, 1, *other)
    assert said == [b"S1", b"1 2 77"], "what another wrote is not its own"
    assert redis_storage.process.ask("XLEN", keys[1]) == len(written) + 1


def test_what_is_left_of_a_snapshot_goes_with_the_next_one(redis_storage: RedisStorage) -> None:
    journal = redis_storage.open()
    appended(journal, "S1", [1, 1])

    def pieces() -> Iterator[bytes]:
        yield b"[1]"
        raise RuntimeError("the owner ended here")

    for _ in range(3):
        with pytest.raises(RuntimeError):
            journal.write_snapshot("S1", 1, 2, pieces())
    for seq in (1, 1, 2):
        journal.write_snapshot("S1", 1, seq, [b"[%d]" % seq])
    assert journal.newest_snapshot("S1") == Snapshot(2, (b"[2]",))
    keys = redis_storage.process.ask("KEYS", "*chunks*")
    assert isinstance(keys, list)
    assert len(keys) == 2


def test_a_damaged_chunk_leads_to_an_older_snapshot(redis_storage: RedisStorage) -> None:
    journal = redis_storage.open()
    appended(journal, "S1", [1, 1])
    for seq in (1, 2):
        journal.write_snapshot("S1", 1, seq, [b"[%d]" % seq])
    redis_storage.process.ask("HSET", journal._key("chunks:S1:2"), 1, b"5 [7]")
    assert journal.newest_snapshot("S1") == Snapshot(1, (b"[1]",))
    with pytest.raises(JournalDamaged, match="chunk 1 does not verify"):
        journal.snapshot_chunk("S1", 2, 1)


@pytest.mark.parametrize(
    "damage", [("DEL", "records:S1"), ("HSET", "heads", "S1", "1 2"), ("XDEL", "records:S1", "2-0")]
)
def test_damage_is_named(redis_storage: RedisStorage, damage: tuple[str, ...]) -> None:
    journal = redis_storage.open()
    appended(journal, "S1", [1, 1, 1])
    command, key, *words = damage
    redis_storage.process.ask(command, journal._key(key), *words)
    successor = redis_storage.open()
    with pytest.raises(JournalDamaged, match="S1"):
        records_of(successor, "S1")
    if command != "XDEL":  # the newest record is there
        with pytest.raises(JournalDamaged, match="S1"):
            successor.take_over("S1")


def test_a_server_that_is_away_is_named_and_no_password_is(redis_storage: RedisStorage) -> None:
    redis_storage.open()
    port = redis_storage.process.port
    redis_storage.process.kill()
    with pytest.raises(JournalFailed, match=f"redis://127.0.0.1:{port}/0: no answer for 0 s") as failed:
        RedisJournal(f"redis://someone:secret@127.0.0.1:{port}/0", ACTOR, patience_s=0)
    assert "secret" not in str(failed.value)


def test_large_answers_come_in_pieces(redis_storage: RedisStorage) -> None:
    journal = redis_storage.open(read_bytes_max=1_000)
    written = appended(journal, "S1", [2] * 40)
    read = journal.read("S1", 0, 1_000)
    assert read == written[: len(read)]
    assert 1 < len(read) < 40
    assert records_of(journal, "S1") == written


def test_an_error_that_no_journal_knows_finishes_nothing_it_should_not(redis_storage: RedisStorage) -> None:
    journal = redis_storage.open()
    appended(journal, "S1", [1])
    redis_storage.process.ask("SET", journal._key("readers"), "no hash")
    with pytest.raises(JournalFailed, match="WRONGTYPE"):
        journal.readers()
    journal.append([record("S1", 1, 2)])
    with pytest.raises(JournalError, match="WRONGTYPE"):
        journal.note_reader("warehouse", 5, {"S1": 1}, {"S1": 1})


def test_more_is_noted_at_once_than_a_script_passes_to_a_command(redis_storage: RedisStorage) -> None:
    journal = redis_storage.open()
    epoch, _ = journal.take_over("S1")
    seen = {f"S{number}": number for number in range(5_000)}
    journal.note_reader("warehouse", 1, seen, {"S1": epoch})
    assert {each: of["warehouse", 1] for each, of in journal.readers().items()} == seen
    attempts = [Attempt(f"k{number}", 1, 10) for number in range(8_500)]
    words = [word for each in attempts for word in (each.key, f"{each.times} {each.at_ms}")]
    redis_storage.process.ask("HSET", f"holdfast:{{{ACTOR}}}:attempts:S1", *words)
    journal.note_attempt("S1", epoch, Attempt("late", 1, 20), before_ms=11)
    assert journal.attempts("S1") == [Attempt("late", 1, 20)]
