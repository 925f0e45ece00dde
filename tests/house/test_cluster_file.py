"""cluster.yaml is one that the launcher takes, and what Ray must have in its environment is there before it starts."""

import json
from pathlib import Path
from typing import Any, Final

import pytest
import ray
import yaml
from jsonschema import ValidationError, validate

from tests.house.sources import ROOT

ENVIRONMENT: Final = 'eval "$(~/holdfast/.venv/bin/holdfast node'
CLUSTER: Final[dict[str, Any]] = yaml.safe_load((ROOT / "cluster.yaml").read_text(encoding="utf-8"))
STARTS: Final = ("head_start_ray_commands", "worker_start_ray_commands")


def environment_comes_first(command: str) -> bool:
    """True where `holdfast node` is evaluated in the same line, before `ray start`."""
    before, started, _ = command.partition("ray start")
    return bool(started) and ENVIRONMENT in before


def launcher_schema() -> object:
    """The schema that Ray checks such files with."""
    return json.loads((Path(ray.__file__).parent / "autoscaler" / "ray-schema.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("list_name", STARTS)
def test_the_environment_is_set_before_ray_starts(list_name: str) -> None:
    starting = [command for command in CLUSTER[list_name] if "ray start" in command]
    assert len(starting) == 1
    assert environment_comes_first(starting[0])


def test_the_launcher_takes_the_file() -> None:
    # The launcher itself fills these two in before it checks an on-premises file.
    validate({key: value for key, value in CLUSTER.items() if key != "min_workers"}, launcher_schema())


def test_the_launcher_waits_for_all_workers_that_there_are() -> None:
    assert CLUSTER["min_workers"] == CLUSTER["max_workers"] == len(CLUSTER["provider"]["worker_ips"]) > 0


def test_every_node_has_the_secret() -> None:
    assert "~/.ray/auth_token" in CLUSTER["file_mounts"]


def test_journals_are_never_copied_between_nodes() -> None:
    assert "data/" in CLUSTER["rsync_exclude"]


def test_the_checkers_can_fail() -> None:
    assert environment_comes_first(f"{ENVIRONMENT}; ray start --head")
    assert not environment_comes_first(f"ray start --head; {ENVIRONMENT}")
    assert not environment_comes_first(ENVIRONMENT)
    assert not environment_comes_first("ray start --head")
    with pytest.raises(ValidationError):
        validate({"cluster_name": "x", "provider": {}}, launcher_schema())
