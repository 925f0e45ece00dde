"""Which actors move when a node has joined: as few as it takes, and none that is on its way."""

import pytest

from actors.ray_nodes import moves_to_spread


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
