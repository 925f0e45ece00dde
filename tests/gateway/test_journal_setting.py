"""Where the journals are: the setting, and a start on journals that are not those that the directory began with."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from actors.journal.open import journal_names, open_journal, stamp_of
from actors.journal.port import JournalFailed
from actors.journal.redis_server import LOSSES
from actors.journal.stamp import Stamp, put_file_stamp
from serve.config.settings import JOURNAL_DIR, SettingsError, read_settings
from serve.config.stamp import NOTE_FILE, fix_journal
from tests.journal.redis_process import ABSENT, RedisProcess
from tests.journal.storages import appended, records_of

AWAY = "redis://127.0.0.1:6380/3"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisProcess]:
    if ABSENT:
        pytest.skip(ABSENT)
    process = RedisProcess(tmp_path / "redis")
    process.start()
    yield process
    process.stop()


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    (tmp_path / "data" / JOURNAL_DIR).mkdir(parents=True)
    return tmp_path / "data"


def files_of(data_dir: Path) -> str:
    return f"sqlite:{data_dir / JOURNAL_DIR}"


def began(setting: str) -> list[object]:
    """The records of an actor that has begun there."""
    journal = open_journal(setting, "store-S1")
    written = appended(journal, "S1", [1, 2])
    journal.close()
    return list(written)


def test_a_redis_is_given_by_its_url(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_settings(["--journal", AWAY]).journals == AWAY
    monkeypatch.setenv("HOLDFAST_JOURNAL", f"{AWAY}?accept_loss=everysec")
    assert read_settings().journals == f"{AWAY}?accept_loss=everysec"


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"journal": "redis://:secret@/0"}, r"are at redis://HOST:PORT/DB"),
        ({"journal": "redis://127.0.0.1"}, r"are at redis://HOST:PORT/DB"),
        ({"journal": "redis://127.0.0.1/0?keep_mb=5"}, r"keep_mb is no option of theirs"),
        (
            {"journal": AWAY, "journal_keep_mb": 5},
            r"stay in its memory, and none are sealed; leave --journal-keep-mb out",
        ),
        ({"journal": "sqlite:/srv"}, r"files are in the data directory, not in /srv"),
        ({"journal": "etcd://127.0.0.1/0"}, r"KIND one of redis, rediss, sqlite"),
    ],
)
def test_what_no_journal_can_be_is_refused(given: dict[str, Any], why: str) -> None:
    with pytest.raises(SettingsError, match=why) as refused:
        read_settings(**given)
    assert "secret" not in str(refused.value)


def test_files_are_stamped_at_the_first_start_and_known_at_the_next(data_dir: Path) -> None:
    setting = files_of(data_dir)
    first = fix_journal(data_dir, setting, init=False)
    stamp = stamp_of(setting)
    assert stamp is not None
    assert first == f"{setting}?keep_mb=0&id={stamp.id}"
    written = began(setting)
    fix_journal(data_dir, setting, init=False)
    assert stamp_of(setting) == stamp
    assert records_of(open_journal(setting, "store-S1"), "S1") == written


def test_files_of_an_earlier_version_are_stamped_as_they_are(data_dir: Path) -> None:
    began(files_of(data_dir))
    fix_journal(data_dir, files_of(data_dir), init=False)
    assert stamp_of(files_of(data_dir)) is not None


def test_files_that_are_gone_are_no_new_service(data_dir: Path) -> None:
    setting = files_of(data_dir)
    fix_journal(data_dir, setting, init=False)
    began(setting)
    kept = data_dir / "elsewhere"
    shutil.move(data_dir / JOURNAL_DIR, kept)
    (data_dir / JOURNAL_DIR).mkdir()

    with pytest.raises(SettingsError, match=r"is empty, and .* began with the journals j-.* --init, once"):
        fix_journal(data_dir, setting, init=False)
    shutil.rmtree(data_dir / JOURNAL_DIR)
    shutil.copytree(kept, data_dir / JOURNAL_DIR)
    fix_journal(data_dir, setting, init=False)
    shutil.rmtree(data_dir / JOURNAL_DIR)
    (data_dir / JOURNAL_DIR).mkdir()
    fix_journal(data_dir, setting, init=True)
    fix_journal(data_dir, setting, init=False)

    shutil.rmtree(data_dir / JOURNAL_DIR)
    shutil.copytree(kept, data_dir / JOURNAL_DIR)
    with pytest.raises(SettingsError, match=r"began with others, j-"):
        fix_journal(data_dir, setting, init=False)


def test_a_data_directory_without_its_note_knows_its_files(data_dir: Path) -> None:
    fix_journal(data_dir, files_of(data_dir), init=False)
    began(files_of(data_dir))
    (data_dir / NOTE_FILE).unlink()
    fix_journal(data_dir, files_of(data_dir), init=False)
    (data_dir / NOTE_FILE).write_text("{")
    with pytest.raises(SettingsError, match="cannot be read"):
        fix_journal(data_dir, files_of(data_dir), init=False)
    fix_journal(data_dir, files_of(data_dir), init=True)
    assert json.loads((data_dir / NOTE_FILE).read_bytes())["place"] == str(data_dir / JOURNAL_DIR)


def test_files_are_not_begun_anew_where_an_actor_starts_on_another_machine(data_dir: Path) -> None:
    setting = fix_journal(data_dir, f"{files_of(data_dir)}?keep_mb=7", init=False)
    began(setting)
    shutil.move(data_dir / JOURNAL_DIR, data_dir / "of the other machine")
    with pytest.raises(JournalFailed, match=r"has not the journals j-.* on the machine that they began on"):
        open_journal(setting, "store-S1")
    assert not (data_dir / JOURNAL_DIR).exists()
    (data_dir / JOURNAL_DIR).mkdir()
    put_file_stamp(data_dir / JOURNAL_DIR, Stamp.new())
    with pytest.raises(JournalFailed, match="has not the journals"):
        open_journal(setting, "store-S1")


def test_an_empty_redis_is_begun_once_and_known_then(data_dir: Path, server: RedisProcess) -> None:
    setting = fix_journal(data_dir, server.url, init=False)
    assert setting.startswith(f"{server.url}?id=j-")
    written = began(setting)
    assert fix_journal(data_dir, server.url, init=False) == setting
    assert records_of(open_journal(setting, "store-S1"), "S1") == written
    assert journal_names(setting) == ["store-S1"]
    assert json.loads((data_dir / NOTE_FILE).read_bytes())["place"] == server.url

    server.ask("FLUSHALL")
    with pytest.raises(SettingsError, match=r"redis://127.0.0.1:\d+/0 is empty, and .* began with the journals j-"):
        fix_journal(data_dir, server.url, init=False)
    assert journal_names(server.url) == []
    assert fix_journal(data_dir, server.url, init=True) != setting


def test_a_redis_of_another_service_is_not_taken(data_dir: Path, server: RedisProcess, tmp_path: Path) -> None:
    setting = fix_journal(data_dir, server.url, init=False)
    other = tmp_path / "other"
    (other / JOURNAL_DIR).mkdir(parents=True)
    with pytest.raises(SettingsError, match=r"has begun with none: they may be another service's"):
        fix_journal(other, server.url, init=False)
    fix_journal(other, files_of(other), init=False)
    with pytest.raises(SettingsError, match=r"began with others, j-"):
        fix_journal(other, server.url, init=False)
    assert fix_journal(other, server.url, init=True) == setting
    assert fix_journal(other, server.url, init=False) == setting


def test_a_redis_in_place_of_files_is_asked_for(data_dir: Path, server: RedisProcess) -> None:
    began(files_of(data_dir))
    with pytest.raises(SettingsError, match=r"began with the journals in .*holdfast journal copy"):
        fix_journal(data_dir, server.url, init=False)
    assert server.ask("DBSIZE") == 0


def test_a_redis_with_weak_settings_or_none_ends_the_start(data_dir: Path, server: RedisProcess) -> None:
    server.ask("CONFIG", "SET", "no-appendfsync-on-rewrite", "yes")
    with pytest.raises(SettingsError, match=r"the setting no-appendfsync-on-rewrite of this .* is yes, and must be no"):
        fix_journal(data_dir, server.url, init=False)
    setting = fix_journal(data_dir, f"{server.url}?accept_loss=rewrite", init=False)
    journal = open_journal(setting, "store-S1")
    assert LOSSES["rewrite"].lost in journal.accepted_loss()
    journal.close()
    with pytest.raises(SettingsError, match=r"accept_loss=speed: give of everysec"):
        fix_journal(data_dir, f"{server.url}?accept_loss=speed", init=False)
