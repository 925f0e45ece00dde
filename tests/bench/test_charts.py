"""Pictures of what was measured."""

from pathlib import Path
from typing import Any

from bench import charts, record


def run(*names: str) -> dict[str, Any]:
    figures = {name: {"per_s": 1_000.0, "p50_ms": None, "to_echo": 0.5} for name in names}
    return {"figures": figures, "machine": record.describe(), "date": record.today(), "commit": ""}


def test_what_was_measured_is_drawn(tmp_path: Path) -> None:
    reserve = [f"{whose}, {number} in flight, frames" for whose in ("echo Reserve", "Reserve") for number in (1, 128)]
    grpc = run(*reserve, "Reserve, open loop at 900/s", "ReserveBatch of 256, 4 in flight, shops: 16")
    client = run("1 callers", "128 callers")
    drawn = charts.draw({"core": run("decide"), "grpc": grpc, "client": client}, tmp_path, tmp_path)
    assert [path.name for path in drawn] == ["unary.png", "batches.png", "client.png"]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in drawn)


def test_cost_is_drawn_for_the_documentation(tmp_path: Path) -> None:
    kinds = (charts.COST_BATCHES, charts.COST_UNARY)
    cost = run(*(f"{number} {what}, {kind}" for number in (10, 500) for what in ("shops", "holds") for kind in kinds))
    cost["figures"] = {
        name: dict.fromkeys((f"{role}_us" for role in charts.COST_ROLES), 1.0) for name in cost["figures"]
    }
    (drawn,) = charts.draw({"cost": cost}, tmp_path / "none", tmp_path)
    assert drawn.name == "cost.svg"
    assert b"live holds" in drawn.read_bytes()


def test_memory_is_drawn_for_the_documentation(tmp_path: Path) -> None:
    memory = {"rss_mib": 60.0, "shop_state_mib": 1.0, "orders_state_mib": 1.0, "us": 9.0, "tidy_us": 1.0}
    runs = {name: run(f"{row} 1", f"{row} 2") for name, row in (("month", "day"), ("refusals", "refusal"))}
    for each in runs.values():
        each["figures"] = dict.fromkeys(each["figures"], memory)
    drawn = charts.draw(runs, tmp_path / "none", tmp_path)
    assert [path.name for path in drawn] == ["month.svg", "refusals.svg"]
    assert all(b"<svg" in path.read_bytes() for path in drawn)


def test_peers_are_drawn_for_the_documentation(tmp_path: Path) -> None:
    services = ("echo", "redis-benchmark", "postgres update", "holdfast")
    peers = run(*(f"{whose}: {way}" for whose in services for way in charts.PEER_WAYS), "killed: holdfast")
    peers["figures"] = {name: {"per_s": 100.0, "cpu_us": 9.0} for name in peers["figures"]}
    (drawn,) = charts.draw({"peers": peers}, tmp_path / "none", tmp_path)
    assert drawn.name == "peers.svg"
    assert b"redis-benchmark" in drawn.read_bytes()
    assert b"killed" not in drawn.read_bytes()


def test_what_was_not_measured_is_not_drawn(tmp_path: Path) -> None:
    assert charts.draw({"core": run("decide")}, tmp_path, tmp_path) == []
    assert list(tmp_path.iterdir()) == []
