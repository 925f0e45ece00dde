"""Which actors move when a node has joined: as few as it takes, and none that is on its way."""

from threading import Event

import pytest

from actors import ray_nodes
from actors.ray_nodes import Spread, moves_to_spread


@pytest.mark.parametrize(
    ("at", "moves"),
    [
        ("", ""),
        ("s1=a", ""),
        ("s1=a s2=a", "s2>b"),
        ("s1=a s2=a s3=a s4=a", "s4>b s3>c"),
        ("chain=a s1=a s2=b s3=b", "s1>c"),
        ("s1=a s2=b s3=c", ""),
        ("s1=gone s2=gone s3=gone", ""),
        ("s1=a s2=a s3=gone", "s2>b"),
    ],
)
def test_a_node_that_joins_gets_its_share(at: str, moves: str) -> None:
    placed = dict(one.split("=") for one in at.split())
    nodes = {node: f"address of {node}" for node in "abc"}
    assert moves_to_spread(placed, nodes) == [tuple(one.split(">")) for one in moves.split()]


def test_without_a_node_nothing_moves() -> None:
    assert moves_to_spread({"s1": "a"}, {}) == []


class Nodes:
    """What Ray says of its nodes at each look; a failure where it says nothing."""

    def __init__(self, *looks: str | None) -> None:
        self._looks = list(looks)
        self.over = Event()

    def __call__(self) -> dict[str, str]:
        said = self._looks.pop(0)
        if not self._looks:
            self.over.set()
        if said is None:
            raise ConnectionError("the head is away")
        return {node: f"address of {node}" for node in said}


def test_actors_move_at_a_later_look_where_nobody_says_now_where_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """As while a head that was lost starts again: its node joins, and Ray does not answer all questions yet."""
    nodes, moved, asked = Nodes("a", "ab", "ab", "ab"), list[str](), list[int]()

    def at() -> dict[str, str]:
        asked.append(1)
        if len(asked) == 1:
            raise ConnectionError("the head has only just begun")
        return {"s1": "a", "s2": "a"}

    monkeypatch.setattr(ray_nodes, "nodes_up", nodes)
    monkeypatch.setattr(ray_nodes, "LOOK_S", 0)
    monkeypatch.setattr(ray_nodes, "_actors_at", at)
    monkeypatch.setattr(Spread, "_move", lambda _, actor, node, address: moved.append(f"{actor}>{node} {address}"))
    Spread("memory:", "").watch(nodes.over)
    assert (moved, len(asked)) == (["s2>b address of b"], 2)


def test_a_look_that_fails_ends_nothing_and_what_changed_is_told_at_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    nodes, told = Nodes("ab", "ab", None, "a", "a"), []
    monkeypatch.setattr(ray_nodes, "nodes_up", nodes)
    monkeypatch.setattr(ray_nodes, "LOOK_S", 0)

    def changed(count: int) -> None:
        told.append(count)
        if len(told) == 1:
            raise ConnectionError("Serve's controller is away")

    Spread("memory:", "", changed).watch(nodes.over)
    assert told == [1, 1]
