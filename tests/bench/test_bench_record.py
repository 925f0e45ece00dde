"""What a run leaves behind."""

import os
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest
from rich.console import Console

from bench import record, service as processes
from bench.record import Counts, Headline, Outcome, Row, judged
from tests import waiting

OUTCOME = Outcome(
    parameters={"rounds": 3},
    rows=[Row("one", {"per_s": 12_345.6, "p50_ms": float("nan")})],
    headlines=[Headline("rate", 12_345.6, "/s", 40_000.0), Headline("p50", 4.2, "ms", 5.0, at_most=True)],
    conservation=judged(Counts(7), 7, ()),
)


def test_a_run_is_one_line_with_all_that_the_figure_depends_on(tmp_path: Path) -> None:
    for _ in range(2):
        record.append(record.line("core", "python -m bench core", OUTCOME), tmp_path)
    runs = record.read("core", tmp_path)
    assert len(runs) == len((tmp_path / "core.jsonl").read_bytes().splitlines()) == 2
    assert {"cpu", "cores", "memory_gib", "kernel", "python", "ray", "grpc"} == set(runs[0]["machine"]) - {"mhz"}
    assert runs[0]["command"] == "python -m bench core"
    assert runs[0]["figures"] == {"one": {"per_s": 12_345.6, "p50_ms": None}}
    assert [each["met"] for each in runs[0]["headlines"]] == [False, True]
    assert runs[0]["conservation"]["holds"] is True
    assert record.read("grpc", tmp_path) == []


def test_a_table_says_what_was_missed() -> None:
    console = Console(width=120, record=True, file=None, quiet=False, force_terminal=False, stderr=True)
    record.show("core", OUTCOME, console)
    text = console.export_text()
    assert "rate: 12,346 /s (target at least 40,000: MISSED)" in text
    assert "p50: 4.2 ms (target at most 5: met)" in text
    assert "conservation holds: 7 accepted, 7 in the ledgers" in text


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, ""), (float("nan"), ""), (0.6, "0.6"), (12.34, "12.3"), (123.4, "123"), (1_234.5, "1,234"), (5.0, "5")],
)
def test_numbers_have_the_digits_that_count(value: float | None, text: str) -> None:
    assert record.number(value) == text


def test_a_process_is_found_by_its_mark_and_ended_with_its_child() -> None:
    mark = uuid4().hex
    script = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import sys; sys.stdin.read()'])"
    started = subprocess.Popen(
        [sys.executable, "-c", script], env={**os.environ, processes.MARK: mark}, stdin=subprocess.PIPE
    )
    try:
        waiting.until(lambda: len(processes.marked(mark)) == 2, within_s=20, what="the child")
        before = processes.cpu_s(mark)
        assert processes.cpu_s(mark)["ray"] >= before["ray"] >= 0
        with pytest.raises(ValueError, match="was not started by this run"):
            processes.kill(os.getpid(), mark)
        assert processes.end(mark) == 2
        assert processes.marked(mark) == {}
    finally:
        started.kill()
        started.communicate()
