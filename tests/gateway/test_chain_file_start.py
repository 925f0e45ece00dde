"""A start with a chain file: what operators have said since the last one."""

from pathlib import Path
from typing import Any

import pytest

from actors.chain_actor import ChainActor
from actors.core.chain import EMPTY, Store, part_from_packed
from actors.journal.open import open_journal, sqlite_setting
from actors.runtime.clock import SystemClock
from serve import app
from serve.config.chain_file import read_chain_file
from serve.config.settings import Settings


@pytest.fixture
def chain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ChainActor:
    """The actor that a start calls."""
    actor = ChainActor("chain", open_journal(sqlite_setting(tmp_path), "chain"), SystemClock(), lambda failure: None)

    def call(name: str, journals: str, host: str, method: str, *args: Any) -> Any:
        return getattr(actor, method)(*args)

    monkeypatch.setattr(app, "call_actor", call)
    return actor


def start(folder: Path, text: str) -> None:
    path = folder / "chain.yaml"
    path.write_text(text, encoding="utf-8")
    settings = Settings(data_dir=folder)
    app.apply_chain_file(read_chain_file(path), settings, settings.journals)


def paused_in(chain: ChainActor) -> dict[str, bool]:
    document = chain.document(0)
    assert document is not None
    return {store_id: store.paused for store_id, store in EMPTY.with_part(part_from_packed(document)).stores.items()}


def test_a_shop_that_was_paused_stays_so_unless_the_file_says_otherwise(tmp_path: Path, chain: ChainActor) -> None:
    start(tmp_path, "stores: [{store_id: S1}, {store_id: S2}, {store_id: S3, paused: true}]")
    assert paused_in(chain) == {"S1": False, "S2": False, "S3": True}
    chain.put_stores([Store("S1", "", None, None, True), Store("S2", "", None, None, True)])
    start(tmp_path, "stores: [{store_id: S1}, {store_id: S2, paused: false}, {store_id: S3, paused: true}]")
    assert paused_in(chain) == {"S1": True, "S2": False, "S3": True}
    chain.close()
