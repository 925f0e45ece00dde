"""Each format is what it was: `formats/N.json` has the shape of all of its messages, and `methods.json` how the version
before calls actors.

The first is that of the commit 42b5ce8, worked out by its own code. A file is added with its format and changed only
until the format is released; then its checksum goes into FROZEN. Where a test fails here, something was added or
changed that `actors/protocol/formats.py` does not declare: a version from before could not read it.
"""

import hashlib
import json
from enum import Enum
from pathlib import Path
from typing import Any, Final

import pytest

from actors.protocol import formats
from actors.protocol.formats import FIRST, FORMATS, NEWEST, Format, Writing
from actors.rpc.frames import VERSIONS
from tests.house.message_shapes import Shape, methods, shape_of

METHODS: Final = Path(__file__).parent / "methods.json"  # of the version before
FOLDER: Final = Path(__file__).parent / "formats"
FROZEN: Final = {1: "4b25df97b7229c2baeab532ad421e9cdc1afda7cf3785c9cf424367cce6e4dfa"}


def written(number: int) -> Shape:
    """The shape that a format has."""
    shape: Shape = json.loads(_path(number).read_text())
    return shape


def _path(number: int) -> Path:
    return FOLDER / f"{number}.json"


def differences(found: Shape, expected: Shape) -> list[str]:
    """What is not as it was, a line for each kind."""
    return [
        f"{owner}: {name}: {expected.get(owner, {}).get(name)} -> {found.get(owner, {}).get(name)}"
        for owner in sorted({*found, *expected})
        for name in sorted({*found.get(owner, {}), *expected.get(owner, {})})
        if found.get(owner, {}).get(name) != expected.get(owner, {}).get(name)
    ]


@pytest.mark.parametrize("number", range(FIRST, NEWEST + 1))
def test_a_format_has_the_shape_that_it_had(number: int) -> None:
    different = differences(shape_of(number), written(number))
    mend = "declare in actors/protocol/formats.py what came with which format, and add that to its file here"
    assert not different, "\n".join([f"format {number}:", *different, mend])


def test_formats_that_were_released_are_frozen() -> None:
    assert {number: hashlib.sha256(_path(number).read_bytes()).hexdigest() for number in FROZEN} == FROZEN
    assert sorted(FORMATS) == list(range(FIRST + 1, NEWEST + 1)), "without a gap"
    assert {path.name for path in FOLDER.iterdir()} == {f"{number}.json" for number in range(FIRST, NEWEST + 1)}


def test_what_is_added_to_a_kind_stands_at_its_end() -> None:
    for number in range(FIRST, NEWEST):
        for added in FORMATS.values():
            for kind in (*added.fields, *added.told):
                before = Writing(number).fields_of(kind)
                assert kind.__struct_fields__[: len(before)] == before, kind


def misunderstood(before: dict[str, list[str]], now: dict[str, list[str]]) -> list[str]:
    """Methods that a version from before calls in a way that is not understood, or of which it does not understand the
    result.
    """
    found = []
    for name, (*said, result) in before.items():
        *parameters, given = now.get(name, [""])
        added = parameters[len(said) :]
        if [each.replace("?", "") for each in parameters[: len(said)]] != [each.replace("?", "") for each in said]:
            found.append(f"{name}: its parameters were {said}")
        elif given != result or not all("?:" in each for each in added):
            found.append(f"{name}: it gave {result}, or has got parameters without a default: {added}")
    return found


def test_methods_of_the_version_before_are_understood() -> None:
    before = json.loads(METHODS.read_text())
    assert not misunderstood(before, methods())
    now = methods()
    taken_away = {name: row for name, row in now.items() if name != "StoreActor.step"}
    for changed in (
        taken_away,
        now | {"StoreActor.step": ["batches: list[bytes]", "-> bytes"]},
        now | {"StoreActor.step": ["batch: bytes", "alone?: bool", "why: str", "-> bytes"]},
        now | {"StoreActor.step": ["batch: bytes", "alone?: bool", "-> str"]},
    ):
        assert len(misunderstood(before, changed)) == 1
    assert not misunderstood(
        before, now | {"StoreActor.step": ["batch: bytes", "alone?: bool", "why?: str", "-> bytes"]}
    )


def test_frames_are_of_this_version_and_the_one_before() -> None:
    assert set(VERSIONS) == set(sorted(formats.FRAMES)[-2:])


def _without(added: Format) -> list[tuple[str, Format]]:
    """The format without each of its declarations."""
    found: list[tuple[str, Format]] = []
    for name in ("kinds", "values"):
        several: tuple[Any, ...] = getattr(added, name)
        for each in several:
            what = each.name if isinstance(each, Enum) else each.__name__
            fewer: Any = {name: tuple(one for one in several if one is not each)}
            found.append((what, added._replace(**fewer)))
    for name in ("fields", "told"):
        for kind, fields in getattr(added, name).items():
            for field in fields:
                fewer = {name: {**getattr(added, name), kind: tuple(one for one in fields if one != field)}}
                found.append((f"{kind.__name__}.{field}", added._replace(**fewer)))
    return found


UNDECLARED: Final = [(number, *row) for number, added in FORMATS.items() for row in _without(added)]


@pytest.mark.parametrize(("number", "what", "fewer"), UNDECLARED, ids=[f"{row[0]}-{row[1]}" for row in UNDECLARED])
def test_what_is_not_declared_is_seen(monkeypatch: pytest.MonkeyPatch, number: int, what: str, fewer: Format) -> None:
    monkeypatch.setitem(FORMATS, number, fewer)
    different = differences(shape_of(number - 1), written(number - 1))
    assert any(what.partition(".")[0] in line or what in line for line in different), different
