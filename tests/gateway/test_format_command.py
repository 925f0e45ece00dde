"""`holdfast format`, over the data directory of a stopped service."""

import json
from contextlib import closing
from pathlib import Path

import pytest

from actors.chain_actor import ChainActor
from actors.core.chain import Store
from actors.journal.open import format_of, open_journal, sqlite_setting, with_format, with_stamp
from actors.protocol.formats import FIRST, FORMATS, NEWEST, Writing
from actors.runtime.clock import SystemClock
from serve.config.data_dir import hold_data_dir
from serve.config.settings import JOURNAL_DIR
from serve.format import main


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """Of a service from before formats, which has a shop."""
    folder = tmp_path / "data"
    (folder / JOURNAL_DIR).mkdir(parents=True)
    with closing(open_journal(sqlite_setting(folder / JOURNAL_DIR), "chain")) as journal:
        ChainActor("chain", journal, SystemClock(), lambda _: None).put_stores([Store("S1", "", None, None, False)])
    return folder


def test_it_is_shown_and_raised_once_by_the_flag(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    brought = [text for added in FORMATS.values() for text in added.brings]
    assert main(["show", str(data_dir)]) == 0
    told = capsys.readouterr().out
    assert f"has format {FIRST}\nformat {NEWEST} makes possible:" in told
    assert all(f"  - {text}\n" in told for text in brought)

    assert main(["raise", str(data_dir)]) == 1
    assert "no way back; give --no-way-back" in capsys.readouterr().err
    assert main(["show", str(data_dir), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["format"] == FIRST, "nothing was done"

    assert main(["raise", "--no-way-back", "--json", str(data_dir)]) == 0
    expected = {"place": str(data_dir), "before": FIRST, "format": NEWEST, "newest": NEWEST, "brings": brought}
    assert json.loads(capsys.readouterr().out) == expected
    assert main(["raise", "--no-way-back", str(data_dir)]) == 0
    assert capsys.readouterr().out == f"{data_dir} has format {NEWEST}\n"


def test_a_service_that_runs_is_left_alone(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with hold_data_dir(data_dir):
        assert main(["raise", "--no-way-back", str(data_dir)]) == 1
    assert "is served; stop that service" in capsys.readouterr().err


def test_where_no_service_is_nothing_is_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["raise", "--no-way-back", str(tmp_path)]) == 1
    assert "has no journals of a service" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("setting", ["sqlite:/srv/journal", "sqlite:/srv/journal?keep_mb=5", "redis://host:1/2"])
def test_the_setting_has_the_format_for_every_process(setting: str) -> None:
    assert format_of(setting) == FIRST
    assert with_format(setting, FIRST) == setting, "a version from before knows no such word"
    assert format_of(with_format(with_stamp(setting, "j-1"), NEWEST)) == NEWEST


def test_a_process_that_does_not_know_the_format_says_the_mend() -> None:
    with pytest.raises(ValueError, match=f"formats up to {NEWEST}; start the later version again"):
        Writing(NEWEST + 1)
