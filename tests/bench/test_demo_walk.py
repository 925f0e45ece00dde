"""The demo's counter, against a service and pages of this process; and that each of its checks can fail."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from io import StringIO
from pathlib import Path
from typing import Any, Final

import pytest
import uvicorn
from rich.console import Console

from actors.delivery.open import open_desk
from actors.protocol.placement import NOTIFIER_ACTOR
from bench.demo.mailbox import mailbox
from bench.demo.messages import Killer, Messages, write_messages_file
from bench.demo.pick_check import PickCheck
from bench.demo.pickups import ACTOR_KILLS, Pickups
from bench.demo.run import Phases
from bench.demo.tablets import NotTapped, Said, Tablet
from bench.demo.walk import walk_over_counter
from bench.demo.walk_plan import (
    COLLECT_WITHIN_MS,
    SIZES,
    STORE_ID,
    Ending,
    Short,
    Tapped,
    WalkSizes,
    walk_orders,
    write_products_file,
)
from holdfast.client import ChannelClient, Event, ShortChoice
from holdfast.client.models import events as feed, pick_events as picks
from serve.pages.application import application
from serve.products.table import load_products
from tests.clients.service import Service
from tests.clients.serving import serving
from tests.runtime.runtime_fixture import WAIT_S
from tests.waiting import until_async

FEW: Final = WalkSizes(
    {**dict.fromkeys(Ending, 1), Ending.BY_CODE: 3, Ending.ON_TABLET: 3},
    {Short.SUBSTITUTE: 1, Short.LATER: 1, Short.WITHOUT: 1},
    dict.fromkeys((Tapped.SCAN, Tapped.SHORT, Tapped.READY, Tapped.HAND_OVER), 1),
    returns=2,
)
ID: Final = f"{STORE_ID}:1"


class NoKills(Killer):
    """A notifier that is killed here has threads that live on."""

    def kill(self) -> bool:
        return False


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    (tmp_path / "chain").mkdir()
    with Service(tmp_path / "chain") as service:
        yield service


@asynccontextmanager
async def pages(client: ChannelClient) -> AsyncIterator[str]:
    """The pages, over HTTP."""
    config = uvicorn.Config(application(client, "http://pages.example"), port=0, log_config=None, access_log=False)
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110  # it has no event of its own
        await asyncio.sleep(0)
    [port] = [each.getsockname()[1] for each in server.servers[0].sockets]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await running


def act(service: Service, folder: Path) -> tuple[Pickups, Messages]:
    """A small one of the whole, with the kills of the shop's actor."""
    service.tells_customers = True
    service.shop("other", {"a": 1})
    service.policy(ttl_max={"seconds": 7 * 86_400})
    service.open_book().close()
    service.products._products = load_products(write_products_file(folder))
    killed: list[int] = []

    async def kill() -> None:
        service.actors.kill(f"store-{STORE_ID}")
        killed.append(len(killed))
        if len(killed) == ACTOR_KILLS:  # all are ready, and who is to be too late is
            service.clock.at_ms += COLLECT_WITHIN_MS + 1

    async def main() -> tuple[Pickups, Messages]:
        with mailbox() as box:
            key, file = folder / "chain" / "contacts.key", write_messages_file(folder, box)
            service.actors.desk = open_desk(f"sqlite:{folder / 'chain'}", file, key, service.clock.now_ms)
            async with serving(service) as target, ChannelClient(target) as client, pages(client) as url:

                async def has_begun() -> bool:
                    return (await client.verify_notices()).began_at_ms is not None

                await until_async(has_begun, within_s=WAIT_S, what="the notices")
                where, phases = (target, url), Phases(Console(file=StringIO()))
                return await walk_over_counter(
                    client, where, folder, box, NoKills(""), kill, phases=phases, seed=7, sizes=FEW
                )

    try:
        return asyncio.run(main())
    finally:
        service.actors.kill(NOTIFIER_ACTOR)


def test_orders_go_all_the_way_and_nothing_is_done_twice(service: Service, tmp_path: Path) -> None:
    came, messages = act(service, tmp_path)
    assert came.findings == []
    assert came.holds_for(FEW), came
    assert came.tasks_contested == came.tasks + 1, "one was put off, and wanted again"
    assert (messages.findings, messages.sent, messages.arrived) == ([], messages.expected, messages.expected)
    assert messages.holds_in_journal


def test_what_is_walked_is_what_was_asked_for() -> None:
    orders = walk_orders(2017)
    assert (len(orders), len({order.customer_id for order in orders})) == (100, 100)
    assert {ending: sum(order.ending is ending for order in orders) for ending in Ending} == SIZES.endings
    assert sum(order.tapped is not Tapped.NONE for order in orders) == 20
    assert orders == walk_orders(2017) != walk_orders(2018)


def checked(*changes: Any, told: tuple[type, ...] = ()) -> PickCheck:
    """What is found where these were told, and those are in the feed."""
    check = PickCheck()
    check.tell(ID, *told)
    for number, change in enumerate(changes):
        check.see(Event(STORE_ID, number + 1, number, change))
    return check


CLAIMED, OTHERS = (picks.PickClaimed(ID, picker, 1_000) for picker in ("a", "b"))
SCANNED = picks.PickScanned(ID, "a", "mug", 1, "")


@pytest.mark.parametrize(
    ("changes", "twice"),
    [
        ((CLAIMED, CLAIMED, SCANNED), 0),
        ((CLAIMED, OTHERS), 1),
        ((OTHERS, SCANNED), 1),
        ((SCANNED,), 1),
        ((CLAIMED, picks.PickReleased(ID, "a"), OTHERS), 0),
        ((CLAIMED, picks.PickShorted(ID, "a", "lamp", 1, ShortChoice.LATER, "", 0, 9, 0), OTHERS), 0),
        ((CLAIMED, picks.PickShorted(ID, "b", "lamp", 1, ShortChoice.LATER, "", 0, 9, 0)), 1),
        ((CLAIMED, picks.PickShorted(ID, "a", "lamp", 1, ShortChoice.WITHOUT, "", 0, None, 1), OTHERS), 1),
    ],
)
def test_a_task_that_two_have_by_the_feed_is_noticed(changes: tuple[Any, ...], twice: int) -> None:
    assert checked(*changes).tasks_owned_twice == twice


def test_a_lease_that_is_over_leaves_the_task_to_another() -> None:
    check = checked(CLAIMED)
    check.see(Event(STORE_ID, 2, 1_000, OTHERS))
    assert check.tasks_owned_twice == 0


def test_a_task_that_two_were_told_to_have_is_noticed() -> None:
    check = PickCheck()
    check.tell_claimed(ID, "a")
    check.tell_claimed(ID, "a")
    assert check.tasks_owned_twice == 0
    check.tell_left(ID)
    check.tell_claimed(ID, "b")
    assert check.tasks_owned_twice == 0
    check.tell_claimed(ID, "a")
    assert (check.tasks_owned_twice, len(check.findings)) == (1, 1)


def test_a_step_that_was_taken_twice_or_is_missing_is_noticed() -> None:
    twice = checked(CLAIMED, SCANNED, SCANNED, told=(picks.PickClaimed, picks.PickScanned))
    assert (twice.steps_twice(), twice.steps_missing()) == (1, 0)
    missing = checked(CLAIMED, told=(picks.PickClaimed, feed.Collected))
    assert (missing.steps_twice(), missing.steps_missing()) == (0, 1)


@pytest.mark.parametrize(
    ("status", "location", "understood"),
    [(303, f"/task?id={ID}&did=claim", True), (409, "", True), (303, "/enter", False), (400, "", False)],
)
def test_a_tablet_goes_on_with_a_step_that_was_taken_or_refused_alone(
    status: int, location: str, understood: bool
) -> None:
    answers: Iterator[Said | OSError] = iter([OSError("gone"), Said(503), Said(status, location)])

    class Answered(Tablet):
        async def _send_once(self, form: Mapping[str, str]) -> Said:
            assert form["key"] == "k", "the same key again"
            answer = next(answers)
            if isinstance(answer, OSError):
                raise answer
            return answer

    step = Answered("http://127.0.0.1:1", "a", "t", again_s=0.0).step("claim", "k")
    if understood:
        said = asyncio.run(step)
        assert (said.is_taken, said.reservation_id) == (status == 303, ID if status == 303 else "")
    else:
        with pytest.raises(NotTapped):
            asyncio.run(step)
