"""Worlds with a till and its file over a gateway, each from a seed, and faults of its that they must find."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any, Final

import pytest

from holdfast.client import HoldfastError, InvalidArgument, Unavailable
from holdfast.client.till_allotments import Term, TillAllotments, now_ms
from holdfast.client.till_offline import OfflineTill
from holdfast.client.till_offline_journal import OfflineJournal
from tests.clients.service import VIENNA, Service
from tests.clients.serving import serving
from tests.clients.till_machine import Machine
from tests.clients.till_world import STOCK, TillWorld

SEEDS: Final = 8
CAUSES: Final = frozenset(
    {
        "said",
        "sold cut off",
        "by its first id",
        "refused for ever",
        "an end after the clock was set",
        "its machine started anew",
        "waits for a ledger",
        "a conflict",
        "collected over the network",
        "no answer to a collection",
    }
)

struck: Counter[str] = Counter()


def run(seed: int, folder: Path, patch: pytest.MonkeyPatch) -> Counter[str]:
    """One world."""
    folder.mkdir()
    with Service(folder) as service:
        service.shop("s1", STOCK, latitude=VIENNA.latitude, longitude=VIENNA.longitude)

        async def main() -> Counter[str]:
            async with serving(service) as target:
                world = TillWorld(seed, service, Machine(service, patch), target, folder)
                try:
                    await world.run()
                except AssertionError as error:
                    error.add_note(f"seed {seed} of a TillWorld")
                    raise
                return world.struck

        return asyncio.run(main())


@pytest.mark.parametrize("seed", range(SEEDS))
def test_every_world_keeps_its_promises(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    struck.update(run(seed, tmp_path / "world", monkeypatch))


def test_everything_struck() -> None:
    assert set(+struck) >= CAUSES, struck


async def _one_after_another(till: Any, timeout_ms: int | None) -> tuple[int, int, str]:
    found = []
    for made in tuple(till.journal.allotments.hand_outs):
        try:
            found.append(await till._say(made, timeout_ms))
        except HoldfastError as error:
            return found.count(None), len(found) - found.count(None), str(error)
    return found.count(None), len(found) - found.count(None), ""


_collect: Final = OfflineTill._collect


async def _ask_for_ever(till: Any, made: Any, timeout_ms: int | None) -> Any:
    try:
        return await _collect(till, made, timeout_ms)
    except InvalidArgument as error:
        raise Unavailable(error.what) from error


MUTANTS: Final[dict[str, tuple[Any, str, Any]]] = {
    "takes the wall clock for the end": (
        Term,
        "is_over",
        property(lambda term: not term.taken_ms <= now_ms() < term.until_ms),
    ),
    "says hand-outs until one cannot be said": (OfflineTill, "_settle_hand_outs", _one_after_another),
    "asks for ever for what is refused": (OfflineTill, "_collect", _ask_for_ever),
    "notes nothing of what it collects over the network": (OfflineJournal, "collecting", lambda *_: None),
    "knows one id": (TillAllotments, "given_as", lambda till, name: till.given.get(name)),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_is_caught(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(*MUTANTS[name])
    for seed in range(SEEDS):
        try:
            run(seed, tmp_path / str(seed), monkeypatch)
        except AssertionError:
            return
    pytest.fail(f"{SEEDS} worlds, and nobody noticed that it {name}")
