"""Keys of calls for a hot SKU that callers use again for something else: the first answer stays what it was."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.v1 import error_pb2
from tests.gateway.front import Front, reserve_request
from tests.gateway.hot import again, demote, first, promote, release, tidy
from tests.runtime.runtime_fixture import ManualClock

REUSED = error_pb2.REASON_IDEMPOTENCY_KEY_REUSED


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Front]:
    with Front(tmp_path, ManualClock()) as front:
        front.receive("H", 5)
        front.receive("A", 5)
        promote(front)
        yield front


@pytest.mark.parametrize("closed", [False, True])
@pytest.mark.parametrize("wait", [False, True])
def test_the_first_answer_is_given_again_whatever_the_key_was_used_for_since(
    front: Front, *, closed: bool, wait: bool
) -> None:
    held = front.accept("Reserve", first("k")).reservation.reservation_id
    assert held.startswith("hot/H:")
    other = reserve_request("k", "H" if wait else "A")
    if wait:
        other.wait.FromSeconds(60)
    front.accept("Reserve", other)
    if closed:
        demote(front)
        tidy(front)
    assert front.accept("Reserve", again(first("k"))).reservation.reservation_id == held
    assert front.accept("Reserve", again(first("k", units=2))).rejection.reason == REUSED
    release(front, held)
    assert front.accept("Reserve", again(first("k"))).reservation.reservation_id == held


@pytest.mark.parametrize("closed", [False, True])
def test_a_key_of_something_else_is_refused_as_reused(front: Front, *, closed: bool) -> None:
    other = front.accept("Reserve", reserve_request("k", "A")).reservation.reservation_id
    if closed:
        demote(front)
        tidy(front)
    for _ in range(2):
        assert front.accept("Reserve", again(first("k"))).rejection.reason == REUSED
    assert front.accept("Reserve", reserve_request("k", "A")).reservation.reservation_id == other
