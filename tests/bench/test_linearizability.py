"""The checker against histories whose verdicts are known, and on what each rule of it is about."""

import json
import os
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from bench.faults.drawing import violation_svg
from bench.faults.linearizability import Model, Operation, Outcome, check

SHARED: Final = Path(os.environ.get("HOLDFAST_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data"))
HISTORIES: Final = SHARED / "linearizability"
ETCD: Final = re.compile(r"INFO\s+jepsen\.util - (\d+)\s+:(\w+)\s+:(\w+)\s+(.*)")
KEY_VALUE: Final = re.compile(r'\{:process (\d+), :type :(\w+), :f :(\w+), :key "(.*)", :value (?:nil|"(.*)")\}')


def known(kind: str) -> dict[str, bool]:
    """The histories of a kind, and whether each is linearizable."""
    if not HISTORIES.is_dir():
        pytest.skip(f"{HISTORIES} is not there: histories with known verdicts")
    found = json.loads((HISTORIES / "EXPECTED.json").read_text(encoding="utf-8"))
    [named] = [verdicts for name, verdicts in found.items() if name.startswith(kind)]
    return dict(named)


def operations(lines: Iterator[tuple[str, str, Any]]) -> list[Operation]:
    """From (process, type, what); a read that failed did nothing, and what has no word or `info` stays open."""
    history, under_way = [], dict[str, tuple[int, Any]]()
    for at, (process, kind, what) in enumerate(lines):
        if kind == "invoke":
            under_way[process] = at, what
            continue
        called, asked = under_way.pop(process)
        if not (kind == "fail" and what[0] == "read"):
            history.append(Operation(process, called, None if kind == "info" else at, asked, (kind, what)))
    return history + [Operation(process, called, None, asked) for process, (called, asked) in under_way.items()]


def etcd(name: str) -> list[Operation]:
    text = (HISTORIES / name).read_text(encoding="utf-8")
    return operations((match[1], match[2], (match[3], match[4])) for match in ETCD.finditer(text))


def key_value(name: str) -> list[Operation]:
    text = (HISTORIES / name).read_text(encoding="utf-8")
    return operations((match[1], match[2], (match[3], match[4], match[5])) for match in KEY_VALUE.finditer(text))


def register_after(state: str, operation: Operation) -> str | None:
    """One register: read, write, compare and set."""
    name, value = operation.asked
    is_open = operation.returned is None
    if name == "read":
        return state if is_open or operation.said[1][1] == state else None
    if name == "write":
        return str(value)
    old, new = value.strip("[]").split()
    if is_open or operation.said[0] == "ok":
        return str(new) if state == old else None
    return state if state != old else None


def text_after(state: str, operation: Operation) -> str | None:
    """The text under one key."""
    name, _, value = operation.asked
    if name == "get":
        return state if operation.said[1][2] == state else None
    return str(value) if name == "put" else state + value


REGISTER: Final = Model("nil", register_after)


def test_the_known_histories_of_a_register_are_judged_as_they_should_be() -> None:
    verdicts = known("etcd")
    assert len(verdicts) == 60
    found = {name: check(etcd(name), REGISTER) for name in verdicts}
    assert {name: verdict.holds for name, verdict in found.items()} == verdicts
    assert all(verdict.outcome is not Outcome.UNDECIDED for verdict in found.values())
    for name, verdict in found.items():
        if not verdict.holds:
            assert verdict.refused is not None
            cut = [shorter(each, verdict.refused) for each in verdict.prefix]
            assert check(cut, REGISTER).holds, f"{name}: the prefix without its last return is no violation"


def shorter(operation: Operation, refused: Operation) -> Operation:
    """The operation as it was known just before the return that was refused."""
    assert refused.returned is not None
    if operation.returned is not None and operation.returned >= refused.returned:
        return operation._replace(returned=None, said=None)
    return operation


@pytest.mark.parametrize("clients", ["c01", "c10"])
def test_the_known_histories_of_a_key_value_store_are_judged_key_by_key(clients: str) -> None:
    for name, holds in known("kv").items():
        if name.startswith(clients):
            by_key: defaultdict[str, list[Operation]] = defaultdict(list)
            for operation in key_value(name):
                by_key[operation.asked[1]].append(operation)
            verdicts = [check(history, Model("", text_after)) for history in by_key.values()]
            assert all(verdict.holds for verdict in verdicts) == holds, name
            assert sum(verdict.examined for verdict in verdicts) < 10_000, name


def write(value: str, called: int, returned: int | None) -> Operation:
    return Operation("w", called, returned, ("write", value), ("ok", ("write", value)))


def read(value: str, called: int, returned: int) -> Operation:
    return Operation("r", called, returned, ("read", "nil"), ("ok", ("read", value)))


def test_a_read_that_was_called_after_a_write_had_returned_sees_it() -> None:
    assert check([write("1", 0, 10), read("1", 11, 12)], REGISTER).holds
    verdict = check([write("1", 0, 10), read("nil", 11, 12), read("1", 13, 14)], REGISTER)
    assert verdict.outcome is Outcome.VIOLATED
    assert verdict.refused == read("nil", 11, 12)
    assert (verdict.prefix, verdict.states) == ((write("1", 0, 10), read("nil", 11, 12)), ("1",))


def test_a_read_beside_a_write_sees_either_and_then_no_other() -> None:
    assert check([write("1", 0, 10), read("nil", 1, 2), read("1", 3, 4)], REGISTER).holds
    assert not check([write("1", 0, 10), read("1", 1, 2), read("nil", 3, 4)], REGISTER).holds


def test_a_time_out_may_take_effect_at_any_later_time_or_never_and_not_before_its_call() -> None:
    assert check([write("1", 0, None), read("nil", 10, 11)], REGISTER).holds
    assert check([write("1", 0, None), read("nil", 10, 11), read("1", 500, 501)], REGISTER).holds
    assert not check([read("1", 0, 1), write("1", 2, None)], REGISTER).holds
    assert not check([write("1", 0, None), read("1", 10, 11), read("nil", 12, 13)], REGISTER).holds


def test_what_would_take_too_long_is_undecided_and_does_not_hold() -> None:
    history = [write(str(number), 0, 100) for number in range(12)] + [read("none of them", 101, 102)]
    verdict = check(history, REGISTER, examined_max=1_000)
    assert (verdict.outcome, verdict.holds) == (Outcome.UNDECIDED, False)
    assert check(history, REGISTER).outcome is Outcome.VIOLATED


def test_the_shortest_violation_is_drawn() -> None:
    verdict = check([write("1", 0, 10), read("nil", 11, 12), read("1", 13, 14)], REGISTER)
    drawn = violation_svg("register", verdict, per_ms=1)
    assert drawn == violation_svg("register", verdict, per_ms=1)
    for text in ("<svg", "no sequence explains what r was told", "Before it: 1"):
        assert text in drawn
    sound = check([write("1", 0, 10)], REGISTER)
    with pytest.raises(ValueError, match="only a violation"):
        violation_svg("register", sound)


def test_many_alike_at_once_take_no_longer_to_refuse() -> None:
    history = [write("1", 0, 100 + number) for number in range(40)] + [read("2", 101, 102)]
    verdict = check(history, REGISTER)
    assert verdict.outcome is Outcome.VIOLATED
    assert verdict.examined < 200
