"""Copies of journals from one kind to another: all of it, proved, and nothing that could be taken for a whole one."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest

from actors.journal.copy import CopyRefused, copy_journals
from actors.journal.open import journal_names, open_journal, stamp_of
from actors.journal.port import (
    Attempt,
    ClockMark,
    Fenced,
    Head,
    Journal,
    JournalDamaged,
    LedgerMoved,
    Phase,
    Snapshot,
    Whereabouts,
)
from actors.journal.sqlite import SqliteJournal
from actors.journal.stamp import UNFINISHED
from serve.config.data_dir import hold_data_dir
from serve.config.settings import JOURNAL_DIR, SettingsError
from serve.config.stamp import fix_journal
from serve.journal import main
from tests.journal.redis_process import ABSENT, RedisProcess
from tests.journal.storages import payload_of, record, records_of

Place = Callable[[], str]
KINDS = ("sqlite", "redis")


@pytest.fixture
def places(tmp_path: Path) -> Iterator[dict[str, Place]]:
    """By kind, what makes one more empty place; all of a Redis are databases of one server."""
    numbers = count(1)
    server: list[RedisProcess] = []

    def files() -> str:
        folder = tmp_path / f"data-{next(numbers)}" / JOURNAL_DIR
        folder.mkdir(parents=True)
        return f"sqlite:{folder}"

    def redis() -> str:
        if ABSENT:
            pytest.skip(ABSENT)
        if not server:
            server.append(RedisProcess(tmp_path / "redis"))
            server[0].start()
        return f"redis://127.0.0.1:{server[0].port}/{next(numbers)}"

    yield {"sqlite": files, "redis": redis}
    for each in server:
        each.stop()


def fill(setting: str) -> None:
    """Two actors; a ledger of three epochs with two of them empty, a snapshot, and all that stands beside records."""
    with closing(open_journal(setting, "store-S1")) as journal:
        for ledger_id, spans in (("S1", [(1, 2), (1, 3), (4, 4)]), ("S2", [(2, 1)]), ("S3", [])):
            owned, seq = 0, 0
            for epoch, end in spans:
                while owned < epoch:
                    owned = journal.take_over(ledger_id).epoch
                journal.append([record(ledger_id, epoch, end, end - seq)])
                seq = end
        journal.take_over("S3")
        journal.write_snapshot("S1", 4, 3, [b"[1]", b"[2,3]"])
        for ledger_id, epoch in (("S1", 4), ("S2", 2)):
            journal.note_attempt(ledger_id, epoch, Attempt("k1", 2, 7_000), 0)
            journal.note_attempt(ledger_id, epoch, Attempt("k0", 1, 8_000), 0)
        journal.note_reader("warehouse", 5, {"S1": 3, "S2": 1}, {"S1": 4})
        journal.note_reader("warehouse", 4, {"S1": 1}, {"S1": 4})
        journal.keep_clock("S1", 4, ClockMark("boot", 5, 7_000))
    with closing(open_journal(setting, "chain")) as journal:
        journal.take_over("chain")
        journal.append([record("chain", 1, 1)])


def contents(journal: Journal) -> dict[str, object]:
    """All that a copy must have."""
    ledger_ids = journal.ledger_ids()
    return {
        "records": {each: records_of(journal, each) for each in ledger_ids},
        "snapshots": {each: journal.newest_snapshot(each) for each in ledger_ids},
        "attempts": {each: sorted(journal.attempts(each)) for each in ledger_ids},
        "readers": journal.readers(),
        "clock": journal.kept_clock(),
    }


@pytest.mark.parametrize("target", KINDS)
@pytest.mark.parametrize("source", KINDS)
def test_a_copy_has_all_of_it_under_higher_epochs(places: dict[str, Place], source: str, target: str) -> None:
    old, new = places[source](), places[target]()
    fill(old)
    said: list[str] = []
    copy_journals(old, new, said.append)

    assert said[2:] == [
        "chain: 1 ledgers, 1 records, 1 events read back",
        "store-S1: 3 ledgers, 4 records, 5 events read back",
    ]
    assert journal_names(new) == ["chain", "store-S1"]
    with closing(open_journal(old, "store-S1")) as before, closing(open_journal(new, "store-S1")) as after:
        assert contents(after) == contents(before)
        assert after.newest_snapshot("S1") == Snapshot(3, (b"[1]", b"[2,3]"))
        for ledger_id, epoch in (("S1", 4), ("S2", 2), ("S3", 1)):
            with pytest.raises(Fenced):
                after.check_owner({ledger_id: epoch})
            assert before.take_over(ledger_id).epoch <= after.take_over(ledger_id).epoch - 1
    origin, made = stamp_of(old), stamp_of(new)
    assert origin is not None
    assert made is not None
    assert made.was == (origin.id,)
    assert made.id != origin.id


@pytest.mark.parametrize("target", KINDS)
def test_a_service_goes_on_with_the_copy_and_not_with_what_it_left(
    places: dict[str, Place], target: str, tmp_path: Path
) -> None:
    old, new = places["sqlite"](), places[target]()
    data_dir = tmp_path / "data-1"
    fill(old)
    fix_journal(data_dir, old, init=False)
    copy_journals(old, new, lambda _: None)
    setting = fix_journal(data_dir, new, init=False)
    with closing(open_journal(setting, "store-S1")) as journal:
        assert journal.take_over("S1").seq == 4
    with pytest.raises(SettingsError, match=r"began with others, j-"):
        fix_journal(data_dir, old, init=False)
    assert fix_journal(data_dir, new, init=False) == setting


def test_sealed_records_are_copied_with_the_others(places: dict[str, Place]) -> None:
    old, new = places["sqlite"](), places["redis"]()
    path = Path(old.removeprefix("sqlite:")) / "store-S1.db"
    with closing(SqliteJournal(path, keep_bytes=1, sealed_events=3)) as journal:
        journal.take_over("S1")
        written = [record("S1", 1, seq) for seq in range(1, 11)]
        journal.append(written)
        journal.write_snapshot("S1", 1, 10, [b"[]"])
        while journal.seal("S1", 1, 1 << 60):
            pass
        assert journal.sealed_seq("S1") >= 6
    copy_journals(old, new, lambda _: None)
    with closing(open_journal(new, "store-S1")) as journal:
        assert records_of(journal, "S1") == written


@pytest.mark.parametrize("target", KINDS)
def test_a_place_that_has_something_is_left_alone(places: dict[str, Place], target: str) -> None:
    old, new = places["sqlite"](), places[target]()
    fill(old)
    with closing(open_journal(new, "chain")) as journal:
        journal.take_over("chain")
    with pytest.raises(CopyRefused, match="has journals already"):
        copy_journals(old, new, lambda _: None)
    with pytest.raises(CopyRefused, match="has no journals"):
        copy_journals(places[target](), places[target](), lambda _: None)
    assert stamp_of(new) is None


@pytest.mark.parametrize("target", KINDS)
def test_a_copy_that_breaks_off_cannot_be_started_on(places: dict[str, Place], target: str, tmp_path: Path) -> None:
    old, new = places["sqlite"](), places[target]()
    fill(old)
    path = Path(old.removeprefix("sqlite:")) / "store-S1.db"
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE records SET payload = ? WHERE seq = 4", (payload_of("S1", 5, 5),))
        db.commit()
    with pytest.raises(JournalDamaged, match="S1: the journal is damaged at seq 4"):
        copy_journals(old, new, lambda _: None)
    stamp = stamp_of(new)
    assert stamp is not None
    assert stamp.id == UNFINISHED
    for init in (False, True):
        with pytest.raises(SettingsError, match="is a copy that was not finished"):
            fix_journal(tmp_path / "data-1", new, init=init)
    with pytest.raises(CopyRefused, match="is a copy that was not finished"):
        copy_journals(new, places["sqlite"](), lambda _: None)


def test_what_is_served_meanwhile_is_not_copied(places: dict[str, Place], capsys: pytest.CaptureFixture[str]) -> None:
    old, new = places["redis"](), places["redis"]()
    fill(old)
    with closing(open_journal(old, "store-S1")):
        assert main(["copy", old, new]) == 1
    assert "is used by store-S1; stop that service" in capsys.readouterr().err

    files = places["sqlite"]()
    fill(files)
    data_dir = Path(files.removeprefix("sqlite:")).parent
    with hold_data_dir(data_dir):
        assert main(["copy", str(data_dir), new]) == 1
    assert "is served; stop that service" in capsys.readouterr().err
    assert stamp_of(new) is None


def test_a_source_that_moves_meanwhile_gives_no_copy(places: dict[str, Place]) -> None:
    old, new = places["sqlite"](), places["sqlite"]()
    fill(old)

    def another(what: str) -> None:
        if what == "store-S1: copied":
            with closing(open_journal(old, "store-S1")) as owner:
                owner.take_over("S1")

    with pytest.raises(CopyRefused, match="ledger S1 was taken over meanwhile"):
        copy_journals(old, new, another)


def test_a_copy_that_lacks_something_is_no_copy(places: dict[str, Place]) -> None:
    old, new = places["sqlite"](), places["redis"]()
    fill(old)

    def another(what: str) -> None:
        if what == "store-S1: copied":
            with closing(open_journal(new, "store-S1")) as owner:
                owner.append([record("S2", owner.take_over("S2").epoch, 2)])

    with pytest.raises(JournalDamaged, match=r"S2: .* at seq 2: the copy has another record there"):
        copy_journals(old, new, another)


def test_the_command_copies_data_directories_whole(
    places: dict[str, Place], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = places["sqlite"]()
    fill(old)
    data_dir = Path(old.removeprefix("sqlite:")).parent
    (data_dir / "placement.json").write_text("{}")
    assert main(["copy", str(data_dir), str(tmp_path / "backup")]) == 0
    assert "store-S1: 3 ledgers, 4 records" in capsys.readouterr().out
    assert (tmp_path / "backup" / "placement.json").read_text() == "{}"
    assert main(["copy", str(data_dir), str(tmp_path / "backup")]) == 1
    assert "has journals already" in capsys.readouterr().err
    assert main(["copy", str(tmp_path / "nothing"), str(tmp_path / "more")]) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_copy_knows_which_ledgers_have_moved(places: dict[str, Place], kind: str) -> None:
    source, target = places[kind](), places["sqlite"]()
    fill(source)
    left, here = Whereabouts(7, Phase.LEFT, "store-S9"), Whereabouts(6, Phase.HERE, "store-S9")
    with closing(open_journal(source, "store-S1")) as journal:
        for ledger_id, at in (("S1", left), ("S2", here)):
            head = journal.stands_at(ledger_id)
            journal.put_whereabouts(ledger_id, head, None, at, head.epoch + 1)
    copy_journals(source, target, lambda _: None)

    with closing(open_journal(target, "store-S1")) as copy:
        assert copy.whereabouts() == {"S1": left, "S2": here}
        assert copy.ledger_ids() == ["S2", "S3"]
        assert records_of(copy, "S1") == []  # store-S9 has them
        with pytest.raises(LedgerMoved):
            copy.take_over("S1")
        assert copy.take_over("S2").seq == 1


def test_what_is_on_its_way_is_not_copied(places: dict[str, Place]) -> None:
    source, target = places["sqlite"](), places["sqlite"]()
    fill(source)
    with closing(open_journal(source, "store-S2")) as journal:
        journal.put_whereabouts("S1", Head(0, 0), None, Whereabouts(7, Phase.ARRIVING, "store-S1"), 0)
    with pytest.raises(CopyRefused, match="S1 is on its way from store-S1 to store-S2"):
        copy_journals(source, target, lambda _: None)
    assert stamp_of(target) is None
