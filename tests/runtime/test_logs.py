"""Log lines: their fields, and the files that they are kept in."""

import io
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import orjson
import pytest

from actors.telemetry.logs import FILES, FileOfProcess, Lines, LogSettings, log_settings
from actors.telemetry.traces import Trace, carrying
from serve.config.logs import log_handler
from tests.house.sources import ROOT


def record_of(text: str = "serving %s", *args: object, **extra: object) -> logging.LogRecord:
    """As `logging` makes one."""
    fields = {"name": "holdfast.host", "levelno": logging.WARNING, "levelname": "WARNING", **extra}
    record = logging.makeLogRecord(fields)
    record.msg, record.args = text, args or ("gRPC",)
    return record


def failed_record() -> logging.LogRecord:
    """Of an error that was caught."""
    record = record_of("failed", ledger="S1", why=ValueError("no JSON"))
    record.args = ()
    try:
        raise ZeroDivisionError("by nothing")
    except ZeroDivisionError:
        record.exc_info = sys.exc_info()
    return record


def test_a_line_has_what_was_given_and_the_request_that_it_is_about() -> None:
    lines = Lines({"process": "store-S1", "pid": 7, "actor": "store-S1"})
    with carrying((Trace("k1", "request-1"),)):
        line = orjson.loads(lines.format(record_of(ledger="S1", key="k1", _ray_timestamp_ns=5)))
        other = orjson.loads(lines.format(record_of(ledger="S1", key="k2")))
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "level": "warning",
        "logger": "holdfast.host",
        "message": "serving gRPC",
        "ledger": "S1",
        "key": "k1",
        "request_id": "request-1",
        "process": "store-S1",
        "pid": 7,
        "actor": "store-S1",
    }
    assert "request_id" not in other


def test_every_line_is_one_line_with_its_error(tmp_path: Path) -> None:
    handler = FileOfProcess("store-S1", LogSettings(str(tmp_path)))
    handler.handle(failed_record())
    handler.handle(record_of("two\nlines %s"))
    handler.close()
    failed, two = map(orjson.loads, (tmp_path / "store-S1.log").read_bytes().splitlines())
    assert "ZeroDivisionError: by nothing" in failed["exception"]
    assert failed["why"] == "no JSON"
    assert two["message"] == "two\nlines gRPC"


def test_the_services_own_lines_have_the_same_fields(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    handler, ours = log_handler("json"), Lines({})
    for record in (record_of(shops=3), failed_record()):
        written.truncate(0)
        written.seek(0)
        line = orjson.loads(ours.format(record))
        handler.handle(record)
        rendered = orjson.loads(written.getvalue())
        assert rendered.keys() == line.keys()
        names = line.keys() - {"timestamp", "exception", "why"}
        assert {name: rendered[name] for name in names} == {name: line[name] for name in names}


def test_text_is_for_people() -> None:
    text = Lines({"process": "gateway"}, text=True).format(failed_record())
    first, *others = text.splitlines()
    assert first.split(" ", 1)[1] == "warning holdfast.host failed ledger=S1 why=no JSON process=gateway"
    assert others[-1] == "ZeroDivisionError: by nothing"


def test_files_are_rotated_by_size_and_no_more_of_them_are_kept(tmp_path: Path) -> None:
    handler = FileOfProcess("chain", LogSettings(str(tmp_path), megabytes=1))
    for number in range(40):
        handler.handle(record_of(f"{number:04} {'x' * 50_000} %s"))
    handler.close()
    files = sorted(tmp_path.glob("chain.log*"))
    assert len(files) == FILES
    assert sum(file.stat().st_size for file in files) <= 1024 * 1024 + FILES * 60_000  # a line more in each
    assert b"0039 xxx" in (tmp_path / "chain.log").read_bytes()


def test_two_that_live_write_no_file_together_and_the_next_goes_on_with_the_first(tmp_path: Path) -> None:
    settings = LogSettings(str(tmp_path))
    first, second = FileOfProcess("gateway", settings), FileOfProcess("gateway", settings)
    second.handle(record_of())
    first.close()
    third = FileOfProcess("gateway", settings)
    third.handle(record_of())
    second.close()
    third.close()
    found = {file.stem: orjson.loads(file.read_bytes())["process"] for file in tmp_path.glob("*.log")}
    assert found == {"gateway": "gateway", "gateway-2": "gateway-2"}


def test_settings_go_to_other_processes_by_the_environment() -> None:
    settings = LogSettings("/logs", 5, "text", "debug")
    assert log_settings(settings.environment) == settings
    assert log_settings({}) == LogSettings()
    assert log_settings({"HOLDFAST_LOG_MB": "none"}) == LogSettings()  # of an operator's own, in a cluster


# What a process does at its start, and a line that it writes then.
KEEPING: Final = """
import logging
from actors.telemetry.logs import keep_logs
keep_logs("store-S1", actor="store-S1")
logging.getLogger("holdfast.host").warning("not so much")
logging.getLogger("holdfast.host").error("said")
"""


def said_with(settings: LogSettings) -> list[str]:
    """What such a process says on stderr."""
    environment = {**os.environ, **settings.environment, "PYTHONPATH": str(ROOT)}
    ran = subprocess.run([sys.executable, "-c", KEEPING], env=environment, capture_output=True, text=True, check=True)
    return ran.stderr.splitlines()


def test_a_process_keeps_its_lines_where_its_environment_says(tmp_path: Path) -> None:
    assert said_with(LogSettings(str(tmp_path / "new"), level="error")) == []
    (line,) = map(orjson.loads, (tmp_path / "new" / "store-S1.log").read_bytes().splitlines())
    assert (line["actor"], line["message"]) == ("store-S1", "said")


def test_a_folder_that_cannot_be_written_ends_no_actor(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    first, *others = map(orjson.loads, said_with(LogSettings(str(tmp_path / "file" / "logs"))))
    assert "cannot be written" in first["message"]
    assert [line["message"] for line in others] == ["not so much", "said"]


def test_without_a_folder_lines_go_to_stderr() -> None:
    assert [orjson.loads(line)["actor"] for line in said_with(LogSettings())] == ["store-S1"] * 2
