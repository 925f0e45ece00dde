"""cluster.yaml is one that the launcher takes, and its flags reach Ray before Ray starts."""

import json
from pathlib import Path
from typing import Any, Final

import pytest
import ray
import yaml
from jsonschema import ValidationError, validate

from tests.house.sources import ROOT

FLAGS: Final = ("RAY_SERVE_ENABLE_HA_PROXY=1", "RAY_SERVE_THROUGHPUT_OPTIMIZED=1")
CLUSTER: Final[dict[str, Any]] = yaml.safe_load((ROOT / "cluster.yaml").read_text(encoding="utf-8"))
STARTS: Final = ("head_start_ray_commands", "worker_start_ray_commands")


def flags_come_first(command: str) -> bool:
    """True where every flag is exported in the same line, before `ray start`."""
    before, started, _ = command.partition("ray start")
    return bool(started) and "export" in before and all(flag in before for flag in FLAGS)


def launcher_schema() -> object:
    """The schema that Ray checks such files with."""
    return json.loads((Path(ray.__file__).parent / "autoscaler" / "ray-schema.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("list_name", STARTS)
def test_the_flags_are_set_before_ray_starts(list_name: str) -> None:
    starting = [command for command in CLUSTER[list_name] if "ray start" in command]
    assert len(starting) == 1
    assert flags_come_first(starting[0])


def test_the_launcher_takes_the_file() -> None:
    # The launcher itself fills these two in before it checks an on-premises file.
    validate({key: value for key, value in CLUSTER.items() if key != "min_workers"}, launcher_schema())


def test_journals_are_never_copied_between_nodes() -> None:
    assert "data/" in CLUSTER["rsync_exclude"]


def test_the_checkers_can_fail() -> None:
    flags = " ".join(FLAGS)
    assert flags_come_first(f"export {flags}; ray start --head")
    assert not flags_come_first(f"ray start --head; export {flags}")
    assert not flags_come_first(f"export {flags}")
    assert not flags_come_first(f"export {FLAGS[0]}; ray start")
    with pytest.raises(ValidationError):
        validate({"cluster_name": "x", "provider": {}}, launcher_schema())
