"""What a data directory says of where shops begin, and what a later start may change."""

from pathlib import Path

import orjson
import pytest

from serve.config.data_dir import PLACEMENT_FILE, fix_placement
from serve.config.settings import SettingsError


def test_placement_is_fixed_at_the_first_start(tmp_path: Path) -> None:
    fix_placement(tmp_path, 4)
    fix_placement(tmp_path, 4)
    assert [fix_placement(tmp_path, other) for other in (0, 1, 5)] == [4, 4, 4]  # shops move
    with pytest.raises(SettingsError, match="customer_actors=1"):
        fix_placement(tmp_path, 4, customer_actors=2)
    written = {"version": 1, "store_actors": 4, "customer_actors": 1, "hot_actors": 2}
    assert orjson.loads((tmp_path / PLACEMENT_FILE).read_bytes()) == written


def test_a_placement_of_before_there_were_customer_actors_has_one(tmp_path: Path) -> None:
    (tmp_path / PLACEMENT_FILE).write_bytes(b'{"version":1,"store_actors":4}')
    fix_placement(tmp_path, 4)
    with pytest.raises(SettingsError, match="customer_actors=1"):
        fix_placement(tmp_path, 4, customer_actors=2)


def test_a_new_directory_for_journals_that_are_there_has_their_number(tmp_path: Path) -> None:
    names = ["chain", "customers-0000-of-0001", "hot-0001-of-0002", "stores-0001-of-0004", "stores-0003-of-0004"]
    assert fix_placement(tmp_path, 8, journals=names) == 4
    assert fix_placement(tmp_path, 8) == 4
    for number, (found, began) in enumerate(((["chain", "store-S1"], 0), (["chain"], 8))):
        (tmp_path / str(number)).mkdir()
        assert fix_placement(tmp_path / str(number), 8, journals=found) == began
    (tmp_path / "both").mkdir()
    with pytest.raises(SettingsError, match=r"services with \[0, 4\] actors"):
        fix_placement(tmp_path / "both", 8, journals=[*names, "store-S1"])


def test_a_torn_placement_is_not_taken_for_another(tmp_path: Path) -> None:
    (tmp_path / PLACEMENT_FILE).write_bytes(b'{"version":1,')
    with pytest.raises(SettingsError, match="cannot be read"):
        fix_placement(tmp_path, 4)
