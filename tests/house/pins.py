"""Rules for what is depended on: pinned exactly, by version and not by place, and declared where it is imported."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from tests.house.sources import FOLDERS, Source, Violation, imports

PIN: Final = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9.!+_-]+$")
NAME: Final = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*")


def normal(requirement: str) -> str:
    """The name in a requirement or pin, as registries compare names."""
    match = NAME.match(requirement)
    return re.sub(r"[-_.]+", "-", match[0]).lower() if match else ""


def bad_pins(text: str) -> list[str]:
    """Lines that are neither comment nor `name==version`, and names that come twice."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    names = [normal(line) for line in lines]
    doubled = {name for name in names if names.count(name) > 1}
    return [line for line in lines if not PIN.match(line) or normal(line) in doubled]


def unpinned(requirements: Iterable[str], text: str) -> list[str]:
    """Requirements that the pins do not name."""
    pinned = {normal(line) for line in text.splitlines() if PIN.match(line)}
    return [requirement for requirement in requirements if normal(requirement) not in pinned]


def undeclared(
    source: Source, declared: Iterable[str], standard: Iterable[str], providers: Mapping[str, Sequence[str]]
) -> Iterator[Violation]:
    """Imports of what no declared dependency provides. `providers` gives the distributions of a top-level name."""
    known, ours = {normal(name) for name in declared}, {*standard, *FOLDERS, "holdfast", "tests"}
    for node, name in imports(source):
        top = name.partition(".")[0]
        if top and top not in ours and not known & {normal(provider) for provider in providers.get(top, ())}:
            yield source.at(node, f"{name}: no dependency in pyproject.toml provides it")
