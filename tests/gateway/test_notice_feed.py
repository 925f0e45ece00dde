"""What bringing the notifier the shops' feeds costs them, and that it ends with its gateway."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from actors.notices.commands import SetRules
from actors.protocol.placement import NOTIFIER_ACTOR
from holdfast.v1 import reservation_service_pb2 as rs
from serve.routing.heads import WAIT_S as HEADS_WAIT_S
from serve.services.notice_feed import NoticeFeed
from tests.gateway.front import Front, reserve_request
from tests.gateway.test_notices import notifier
from tests.notices.desk import RULES
from tests.runtime.loop_time import skip
from tests.runtime.runtime_fixture import WAIT_S
from tests.waiting import until_async


@pytest.fixture
def bringing(front: Front) -> Iterator[Front]:
    """A gateway that brings the feeds of two shops, as one does that tells customers."""
    front.receive("A", store_id="S2")
    notifier(front)._decide([SetRules(RULES)])

    async def start() -> None:
        front.gateway._notices.start()
        await until_async(has_begun, within_s=WAIT_S, what="the notifier")

    async def has_begun() -> bool:
        skip(0.1)
        return notifier(front)._ledger.began_at_ms > 0

    front.run(start)
    yield front

    async def end() -> None:
        front.gateway._notices.close()

    front.run(end)


async def asked_in(front: Front, seconds: int) -> Counter[tuple[bool, str]]:
    """How often the notifier, and others, were asked what, in so many seconds without anything else."""
    front.actors.calls.clear()
    left = seconds

    async def are_over() -> bool:
        nonlocal left
        skip(1.0)
        left -= 1
        return left < 0

    await until_async(are_over, within_s=WAIT_S, what="some seconds")
    found = ((actor == NOTIFIER_ACTOR, method) for actor, method, _ in front.actors.calls)
    return Counter(each for each in found if each[0] or each[1] in ("feed", "moved", "reservations_of"))


def test_shops_in_which_nothing_happens_are_asked_one_question_that_waits(bringing: Front) -> None:
    async def main() -> None:
        await asked_in(bringing, 3)
        asked = await asked_in(bringing, 10)
        assert set(asked) == {(True, "cursors"), (False, "moved")}
        assert asked[False, "moved"] <= 2 * (11 / HEADS_WAIT_S + 1)

    bringing.run(main)


def test_what_happens_is_brought_and_only_its_shop_is_read(bringing: Front) -> None:
    async def main() -> None:
        await asked_in(bringing, 3)
        bringing.actors.calls.clear()
        held = (await bringing.asked("Reserve", reserve_request("k1", store_id="S2"))).reply.reservation.reservation_id
        request = rs.ConfirmReservationRequest(idempotency_key="c1", reservation_id=held)
        await bringing.asked("ConfirmReservation", request)

        async def is_told() -> bool:
            return notifier(bringing)._ledger.counts["facts.CONFIRMED"] == 1

        await until_async(is_told, within_s=WAIT_S, what="the confirmation")
        assert {actor for actor, method, _ in bringing.actors.calls if method == "feed"} == {"store-S2"}

    bringing.run(main)


def test_a_shop_whose_actor_hangs_delays_no_other(bringing: Front) -> None:
    async def main() -> None:
        await asked_in(bringing, 3)
        released = bringing.actors.hold("store-S2")
        bringing.actors.calls.clear()

        async def is_read() -> bool:
            skip(0.1)
            return feeds() == 1

        def feeds() -> int:
            return sum(call[:2] == ("store-S2", "feed") for call in bringing.actors.calls)

        await until_async(is_read, within_s=WAIT_S, what="a question to it that hangs")
        held = (await bringing.asked("Reserve", reserve_request("k1"))).reply.reservation.reservation_id
        request = rs.ConfirmReservationRequest(idempotency_key="c1", reservation_id=held)
        await bringing.asked("ConfirmReservation", request)

        async def is_told() -> bool:
            skip(0.1)
            return notifier(bringing)._ledger.counts["facts.CONFIRMED"] == 1

        await until_async(is_told, within_s=WAIT_S, what="the other shop's confirmation")
        assert feeds() == 1, "while it hangs"
        released.set()

    bringing.run(main)


def test_a_gateway_that_does_not_bring_asks_no_shop(bringing: Front) -> None:
    other = NoticeFeed(bringing.gateway._router)

    async def main() -> None:
        other.start()
        await asked_in(bringing, 3)
        asked = await asked_in(bringing, 10)
        assert asked[True, "cursors"] > 1
        assert asked[False, "moved"] <= 2 * (11 / HEADS_WAIT_S + 1)
        other.close()

    bringing.run(main)


def test_a_gateway_that_drains_brings_no_more_and_another_one_does(bringing: Front, clock: Any) -> None:
    other = NoticeFeed(bringing.gateway._router)

    async def main() -> None:
        await bringing.gateway.drain()
        assert not await asked_in(bringing, 5)
        clock.move(10_000)
        other.start()
        held = (await bringing.asked("Reserve", reserve_request("k1"))).reply.reservation.reservation_id
        request = rs.ConfirmReservationRequest(idempotency_key="c1", reservation_id=held)
        await bringing.asked("ConfirmReservation", request)

        async def is_told() -> bool:
            skip(0.1)
            return notifier(bringing)._ledger.counts["facts.CONFIRMED"] == 1

        await until_async(is_told, within_s=WAIT_S, what="the confirmation")
        other.close()

    bringing.run(main)
