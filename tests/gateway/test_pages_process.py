"""The process of the pages, beside the service: started again after its end, and ended with it."""

import os
import signal
import sys
from pathlib import Path

import pytest

from serve.config.pages import PagesProcess
from tests.waiting import until

# In its place: says its id in a file, and waits.
STANDS_IN = (
    "import os, pathlib, signal; "
    "pathlib.Path(f'{os.getpid()}.pid').write_text(os.environ['HOLDFAST_DEMO_TOKEN']); signal.pause()"
)


def test_it_is_started_again_and_ends_with_the_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    pages = PagesProcess(tmp_path, "http://127.0.0.1:1", "secret")
    assert "secret" not in pages.command, "others see a command line"
    assert pages.command[-1] == "http://127.0.0.1:1"
    pages.command = (sys.executable, "-c", STANDS_IN)

    def pids() -> list[int]:
        return [int(each.stem) for each in tmp_path.glob("*.pid")]

    pages.start()
    until(lambda: len(pids()) == 1, within_s=30, what="a process")
    [first] = pids()
    os.kill(first, signal.SIGKILL)
    until(lambda: len(pids()) == 2, within_s=30, what="another one")
    pages.stop()
    assert {each.read_text() for each in tmp_path.glob("*.pid")} <= {"secret", ""}
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids())


def test_one_that_was_never_started_is_stopped(tmp_path: Path) -> None:
    PagesProcess(tmp_path, "http://127.0.0.1:1").stop()
