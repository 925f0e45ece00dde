"""Shops that move to another actor: nothing is lost, nobody decides twice, and whoever dies, it is in one place."""

from contextlib import closing
from typing import Any, Final

import grpc
import pytest

from actors.journal.port import Phase
from actors.protocol.messages import ActorGone, MoveRefused
from holdfast.v1 import admin_service_pb2 as ad, reservation_service_pb2 as rs, stock_service_pb2 as ss
from tests.gateway.front import Front, reserve_request
from tests.gateway.hot import OtherGateway

SOURCE: Final = "store-S1"
TARGET: Final = "store-S2"
STEPS: Final = ("move_store", "take_in", "hand_over", "receive", "prepare", "leave", "settle", "note_moved")


def move(front: Front, actor: str = TARGET, store_id: str = "S1") -> Any:
    """Have a shop move, and return what is answered."""
    return front.accept("MoveStore", ad.MoveStoreRequest(store_id=store_id, actor=actor))


def status(front: Front, store_id: str = "S1") -> Any:
    """How its ledger is."""
    return front.accept("GetLedgerStatus", ad.GetLedgerStatusRequest(store_id=store_id))


def verified(front: Front, store_id: str = "S1") -> Any:
    """Its ledger, computed again."""
    found = front.accept("VerifyLedger", ad.VerifyLedgerRequest(store_id=store_id))
    assert not found.discrepancies, found
    return found


def phases(front: Front) -> dict[str, Phase]:
    """What each actor's journal says of the shop."""
    disks = {actor: front.actors.disks[actor] for actor in (SOURCE, TARGET) if actor in front.actors.disks}
    return {actor: disk.whereabouts["S1"].phase for actor, disk in disks.items() if "S1" in disk.whereabouts}


def test_a_shop_moves_with_all_that_it_has(front: Front) -> None:
    front.receive("A", 5)
    held = front.reserve("k1").reservation
    moved = move(front)

    assert (moved.actor, moved.source) == (TARGET, SOURCE)
    assert (status(front).actor, status(front).moving_to) == (TARGET, "")
    assert front.reserve("k1").reservation == held
    asked = rs.GetReservationRequest(reservation_id=held.reservation_id)
    assert front.accept("GetReservation", asked).reservation == held
    assert front.reserve("k2").reservation.reservation_id != held.reservation_id
    assert verified(front).events > 3
    front.receive("B", 1, "S2")
    verified(front, "S2")
    assert phases(front) == {SOURCE: Phase.LEFT, TARGET: Phase.HERE}


def test_a_shop_that_is_there_already_does_not_move(front: Front) -> None:
    here = move(front, SOURCE)
    assert (here.actor, here.source, here.move) == (SOURCE, SOURCE, 0)
    first = move(front)
    assert move(front) == first
    assert front.actors.disks[TARGET].heads["S1"].epoch == front.actors.store_actor(TARGET).host._hosted["S1"].epoch


def test_a_shop_moves_back_and_forth(front: Front) -> None:
    front.receive("A", 9)
    for turn, actor in enumerate((TARGET, SOURCE, TARGET, "store-S3", SOURCE)):
        front.reserve(f"k{turn}")
        assert move(front, actor).actor == actor
    assert verified(front).version == front.version()
    front.actors.kill(SOURCE)
    front.actors.kill(TARGET)
    assert front.reserve("k0").reservation.reservation_id == "S1:4"
    assert verified(front).version == front.version()


def test_who_names_no_actor_of_shops_is_told(front: Front) -> None:
    for actor in ("store-S99", "stores-0000-of-0002", "chain", "customers-0000-of-0001"):
        found = front.ask("MoveStore", ad.MoveStoreRequest(store_id="S1", actor=actor))
        assert (found.code, found.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "ACTOR_UNKNOWN")
    assert front.ask("MoveStore", ad.MoveStoreRequest(store_id="S99", actor=TARGET)).code is grpc.StatusCode.NOT_FOUND


def test_another_gateway_goes_on_within_its_calls(front: Front) -> None:
    front.receive("A", 9)
    front.receive("A", 9, "S3")
    first = front.reserve("k1").reservation
    with closing(OtherGateway(front)) as other:
        assert other.accept("Reserve", reserve_request("k1")).reservation == first
        held = move(front)
        assert held.actor == TARGET
        assert other.gateway._router.routes.actor_of("S1") == SOURCE
        batch = rs.ReserveBatchRequest(requests=[reserve_request("k1"), reserve_request("k3", store_id="S3")])
        one, two = other.accept("ReserveBatch", batch).outcomes
        assert one.reservation == first
        assert two.reservation.store_id == "S3"
        assert other.gateway._router.routes.actor_of("S1") == TARGET


def test_another_gateway_asks_where_the_shop_is(front: Front) -> None:
    front.receive("A", 9)
    held = front.reserve("k1").reservation
    with closing(OtherGateway(front)) as other:
        other.accept("GetAvailability", availability())
        move(front)
        assert other.accept("GetAvailability", availability()).stores[0].version == front.version()
        asked = rs.GetReservationRequest(reservation_id=held.reservation_id)
        assert other.accept("GetReservation", asked).reservation == held


def availability() -> Any:
    """What two shops have."""
    return ss.GetAvailabilityRequest(store_ids=["S1", "S3"], skus=["A"])


class Struck:
    """Strikes once at a step of a move, before or after it."""

    def __init__(self, front: Front, step: str, strike: Any, *, after: bool) -> None:
        self._call, self._step, self._strike, self._after = front.actors.call, step, strike, after
        self.has_struck = False
        front.actors.call = self.call  # type: ignore[method-assign]

    async def call(self, actor: str, method: str, *args: Any) -> Any:
        """As ActorsHere does."""
        if method != self._step or self.has_struck:
            return await self._call(actor, method, *args)
        if self._after:
            await self._call(actor, method, *args)
        self.has_struck = True
        self._strike()
        raise AssertionError("a strike raises")


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("who", ["gateway", "source", "target", "both"])
def test_whoever_dies_the_shop_is_in_one_place_and_the_move_is_completed(
    front: Front, who: str, step: str, after: bool
) -> None:
    front.receive("Z", 3)
    first = front.reserve("k1", "Z").reservation

    def strike() -> None:
        for actor in {"gateway": (), "source": (SOURCE,), "target": (TARGET,), "both": (SOURCE, TARGET)}[who]:
            front.actors.kill(actor)
        raise MoveRefused("the gateway died") if who == "gateway" else ActorGone("it died")

    struck = Struck(front, step, strike, after=after)
    request = ad.MoveStoreRequest(store_id="S1", actor=TARGET)
    if who == "gateway" and step == "move_store":
        with pytest.raises(MoveRefused):
            front.ask("MoveStore", request)
    elif who == "gateway":
        found = front.ask("MoveStore", request)
        assert found.code is grpc.StatusCode.UNAVAILABLE
        at = phases(front)
        assert list(at.values()).count(Phase.HERE) <= 1
        assert (at.get(SOURCE) is Phase.LEFT) or at.get(TARGET) is not Phase.HERE
    else:
        front.accept("MoveStore", request)
    assert struck.has_struck
    assert front.reserve("k1", "Z").reservation == first
    assert front.reserve("k2", "Z").reservation.reservation_id
    assert move(front).actor == TARGET
    assert phases(front) == {SOURCE: Phase.LEFT, TARGET: Phase.HERE}
    assert [front.reserve(key, "Z").HasField("rejection") for key in ("k1", "k2", "k3", "k4")] == [False] * 3 + [True]
    verified(front)
