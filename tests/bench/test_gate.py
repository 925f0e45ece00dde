"""The gate tells what moved, and fails where it grew, or shrank without an update. The figures are made up."""

from pathlib import Path

import orjson
import pytest
import typer

from bench import gate
from bench.record import Conservation, Counts, Outcome, Row
from bench.service import ROLES

NAME = "ReserveBatch of 256, 8 in flight, shops: 16"


def outcome(gateway_us: float, store_us: float = 10.0, *, found: int = 1) -> Outcome:
    none = {f"{role.replace(' ', '_')}_us": 0.0 for role in ROLES}
    ours = none | {"gateway_us": gateway_us, "store_actors_us": store_us}
    rows = [
        Row(gate.UNIT, none | {"cpu_us": 500.0}),
        Row(f"echo {NAME}", none | {"cpu_us": 5.0}),
        Row(NAME, ours),
    ]
    return Outcome({}, rows, [], Conservation(Counts(1), found, []))


@pytest.fixture
def committed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(gate, "COMMITTED", tmp_path / "gate.json")
    gate.COMMITTED.write_bytes(orjson.dumps(gate.shares(outcome(10.0))))
    return gate.COMMITTED


def exit_code(monkeypatch: pytest.MonkeyPatch, now: Outcome) -> int:
    monkeypatch.setattr(gate, "run_grpc", lambda _options: now)
    with pytest.raises(typer.Exit) as ended:
        gate.main()
    return ended.value.exit_code


def test_figures_are_in_calls_of_the_echo() -> None:
    assert gate.shares(outcome(10.0))[NAME]["gateway_us"] == 0.02


@pytest.mark.usefixtures("committed")
def test_what_did_not_grow_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert exit_code(monkeypatch, outcome(10.0)) == 0
    assert exit_code(monkeypatch, outcome(5.0)) == 0


@pytest.mark.usefixtures("committed")
def test_a_figure_that_is_too_high_by_now_fails_until_it_is_updated(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(monkeypatch, outcome(4.0)) == 1
    assert "--update" in capsys.readouterr().out
    gate.main(update=True)
    assert exit_code(monkeypatch, outcome(4.0)) == 0


@pytest.mark.usefixtures("committed")
def test_what_grew_fails_and_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(monkeypatch, outcome(10.0, 20.0)) == 1
    assert "store_actors" in "".join(capsys.readouterr().out.split())


@pytest.mark.usefixtures("committed")
def test_a_row_that_was_not_measured_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = outcome(10.0)
    assert exit_code(monkeypatch, Outcome({}, whole.rows[:-1], [], whole.conservation)) == 1


@pytest.mark.usefixtures("committed")
def test_a_run_that_lost_a_reservation_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    assert exit_code(monkeypatch, outcome(10.0, found=0)) == 1


def test_an_update_writes_the_figures(committed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "run_grpc", lambda _options: outcome(20.0))
    gate.main(update=True)
    assert orjson.loads(committed.read_bytes())[NAME]["gateway_us"] == 0.04
