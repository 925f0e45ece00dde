"""The process of the pages, beside the service: started again after its end, and ended with it."""

import os
import signal
import sys
from pathlib import Path

import pytest

from serve.config.pages import PagesProcess
from serve.pages.__main__ import main
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


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--port", "65536"], "no port"),
        (["--port", "http"], "no port"),
        (["--port", "8080", "--url", "shop.example:8443"], "is not https://HOST"),
        (["--port", "8080", "--url", "https://shop.example/pages"], "leave a path out"),
        (["--port", "8080", "--url", "https://[shop"], "url"),
        (["--port", "8080", "--host", "nowhere"], "no address"),
        (["--port", "8080", "--host", "2001:db8::7"], "tokens of devices"),
        (
            ["--port", "8080", "--host", "192.0.2.7", "--url", "http://shop.example"],
            "tokens of devices would be readable",
        ),
        ([], "--port"),
    ],
)
def test_what_would_serve_nobody_or_show_tokens_on_the_way_is_refused(
    given: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as refused:
        main(["--target", "127.0.0.1:1", *given])
    assert refused.value.code == 2
    assert said in capsys.readouterr().err
