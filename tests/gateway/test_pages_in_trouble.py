"""The pages where something goes wrong or somebody means ill: a shop is away, answers overtake one another, a device
has no end of pages open, tokens are tried.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence, Sized
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import grpc
import pytest

from holdfast.client import (
    Adjustment,
    AdjustmentKind,
    Device,
    LedgerStatus,
    Order,
    PickStatus,
    PickTask,
    Place,
    Reservation,
    ShortfallResolution,
    SourcingPolicy,
    Store,
    StorePlan,
    make_token,
)
from holdfast.client.models.events import Change, Event, MoveRefused, ShortfallResolved
from serve.pages import boards as all_boards
from serve.pages.boards import Boards
from serve.pages.doorkeeper import COOKIE, DIGESTS_MAX, Admitted, Doorkeeper
from serve.pages.live import DEVICE_STREAMS_MAX, Streams
from serve.products.table import read_products
from tests.clients.faults import Hold, Refuse
from tests.gateway.browser import Browser, Site, Stream, visit
from tests.gateway.test_tablet import column
from tests.waiting import until_async

AWAY = [Refuse(grpc.StatusCode.UNAVAILABLE)] * 1_000
CHANGED = b"event: changed"
_RESOLVED = ShortfallResolved("s1:7", ShortfallResolution.MOVED, "s2:3", "")
NEW = PickTask("s1:1", "s1", PickStatus.TO_PICK, (), None, None, "", None, "", None, "", 1)


@asynccontextmanager
async def live(browser: Browser) -> AsyncIterator[Stream]:
    """The stream of a page that is open, once it was told what there is."""
    async with browser.opened("GET", "/live") as stream:
        assert await stream.part() == b"retry: 2000\n\n"
        assert CHANGED in (await stream.part() or b"")
        yield stream


async def fewer(faults: Sized, than: int) -> None:
    """Until some of the faults were met."""
    await until_async(lambda: asyncio.sleep(0, len(faults) < than), within_s=10, what="faults that were met")


def test_tasks_that_could_not_be_listed_are_listed_again_and_pages_are_told(tmp_path: Path) -> None:
    async def use(site: Site) -> None:
        tablet = await site.admitted()
        async with live(tablet) as stream:
            faults = site.service.faults["ListPickTasks"]
            faults.extend(AWAY)
            mine = await site.order()
            await fewer(faults, 1_000)
            assert (await tablet.get("/")).status == 503, "not the tasks of before"
            faults.clear()
            assert mine in (await tablet.get("/")).text
            assert CHANGED in (await stream.part() or b"")

    visit(tmp_path, use, call_ms=100)


def test_a_shop_that_is_away_keeps_no_other_shops_pages_from_their_news(tmp_path: Path) -> None:
    async def use(site: Site) -> None:
        there, away = await site.admitted("tablet-1", "s2"), await site.admitted()
        async with live(there) as stream:
            faults = site.service.faults["GetLedgerStatus"]
            faults.extend(AWAY)
            async with away.opened("GET", "/live") as others:
                assert await others.part() == b"retry: 2000\n\n"
                await fewer(faults, 1_000)
                await site.order(store_id="s2")
                assert CHANGED in (await stream.part() or b"")
                faults.clear()
                assert CHANGED in (await others.part() or b""), "and it is followed once it is there"
                await site.order()
                assert CHANGED in (await others.part() or b"")

    visit(tmp_path, use, call_ms=100)


class _Slow:
    """A service that answers ListPickTasks when it is told what."""

    def __init__(self) -> None:
        self.asked: list[asyncio.Future[list[PickTask]]] = []

    async def ledger_status(self, store_id: str) -> LedgerStatus:
        return LedgerStatus(store_id, 1, 1, "a", 1, 0, 0, 0, 0, 0, 0, 0, 0, 0)

    async def list_pick_tasks(self, _: str, *, statuses: object, page_size: int) -> AsyncIterator[PickTask]:
        del statuses, page_size
        self.asked.append(asyncio.get_running_loop().create_future())
        for task in await self.asked[-1]:
            yield task

    @asynccontextmanager
    async def watch_events(self, _: object) -> AsyncIterator[AsyncIterator[object]]:
        async def nothing() -> AsyncIterator[object]:
            yield await asyncio.Future()

        yield nothing()

    async def question(self, number: int) -> "asyncio.Future[list[PickTask]]":
        await until_async(lambda: asyncio.sleep(0, len(self.asked) >= number), within_s=10, what="a question")
        return self.asked[number - 1]


def test_an_answer_that_was_overtaken_is_not_kept() -> None:
    async def main() -> None:
        service, streams = _Slow(), Streams(_all)
        boards = Boards(service, streams)  # type: ignore[arg-type]
        messages = streams.messages(Admitted(Device(1, "s1", "tablet-1", 0), b"digest"))
        await anext(messages)
        following = asyncio.create_task(boards.follow())
        (await service.question(1)).set_result([])
        assert CHANGED in await anext(messages)
        boards.changed("s1")
        older = await service.question(2)
        looking = asyncio.create_task(boards.of("s1"))
        (await service.question(3)).set_result([NEW])
        assert (await looking).tasks == (NEW,)
        older.set_result([])
        assert CHANGED in await anext(messages)
        assert (await boards.of("s1")).tasks == (NEW,)
        assert len(service.asked) == 3
        following.cancel()
        await boards.close()

    asyncio.run(main())


def test_pages_are_told_how_the_asking_of_other_shops_ends_though_no_task_changes_by_it() -> None:
    async def main() -> None:
        service, streams = _Slow(), Streams(_all)
        boards = Boards(service, streams)  # type: ignore[arg-type]
        messages = streams.messages(Admitted(Device(1, "s1", "tablet-1", 0), b"digest"))
        await anext(messages)
        following = asyncio.create_task(boards.follow())
        (await service.question(1)).set_result([NEW])
        assert CHANGED in await anext(messages)
        changes: tuple[Change, ...] = (MoveRefused("s1:7", "s2"), _RESOLVED)
        for number, change in enumerate(changes, start=2):
            boards.heard(Event("s1", number, 0, change))
            (await service.question(number)).set_result([NEW])
            async with asyncio.timeout(5):
                assert CHANGED in await anext(messages)
        following.cancel()
        await boards.close()

    asyncio.run(main())


def test_however_many_tasks_are_to_be_picked_those_that_customers_wait_for_are_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(all_boards, "TASKS_MAX", 2)

    async def use(site: Site) -> None:
        mine, tablet = await site.order("ann"), await site.admitted()
        await site.client.mark_ready(mine)
        for number in range(3):
            await site.order(f"c{number}")
        assert "and more" in (await tablet.get("/")).text
        assert mine in await column(tablet, "ready")
        assert (await column(tablet, "to_pick")).count("<li") == 2

    visit(tmp_path, use)


def test_others_are_told_of_what_one_page_has_seen_already(tmp_path: Path) -> None:
    async def use(site: Site) -> None:
        tablet, other = await site.admitted(), await site.admitted("tablet-2")
        async with live(tablet) as stream:
            held = await site.client.reserve("s1", [("a", 1)], customer_id="ann", channel="web")
            assert isinstance(held, Reservation)
            await site.client.confirm(held.reservation_id)

            async def is_seen() -> bool:
                return held.reservation_id in (await other.get("/")).text

            await until_async(is_seen, within_s=10, what="the task")  # within the moment for which news are gathered
            assert CHANGED in (await stream.part() or b"")

    visit(tmp_path, use)


def test_news_that_come_while_others_are_sent_are_sent_next() -> None:
    async def main() -> None:
        streams = Streams(_all)
        messages = streams.messages(Admitted(Device(1, "s1", "tablet-1", 0), b"digest"))
        assert await anext(messages) == b"retry: 2000\n\n"
        for number in (1, 2, 3):  # the reader has not asked for the next yet
            await streams.tell("s1", number)
            async with asyncio.timeout(5):
                assert f"id: {number}".encode() in await anext(messages)
        await messages.aclose()  # type: ignore[attr-defined]

    asyncio.run(main())


async def _all(digests: Sequence[bytes]) -> set[bytes]:
    return set(digests)


def test_a_device_has_so_many_pages_open_and_the_last_ones(tmp_path: Path) -> None:
    async def use(site: Site) -> None:
        tablet, other = await site.admitted(), await site.admitted("tablet-2")
        async with other.opened("GET", "/live") as theirs, AsyncExitStack() as opened:
            streams = [
                await opened.enter_async_context(tablet.opened("GET", "/live")) for _ in range(DEVICE_STREAMS_MAX + 1)
            ]
            ended = [part async for part in streams[0].parts()]
            assert b"gone" not in ended[-1], "nobody is sent away"
            await site.order()
            for each in (streams[1], streams[-1], theirs):
                assert await each.part() == b"retry: 2000\n\n"
                assert CHANGED in (await each.part() or b"")

    visit(tmp_path, use)


def test_whoever_tries_tokens_costs_the_service_one_call_at_a_time(tmp_path: Path) -> None:
    async def use(site: Site) -> None:
        tablet = await site.admitted()
        asked = len(site.service.asked("FindDevices"))
        strangers = [site.browser() for _ in range(200)]
        for each in strangers:
            each.cookies[COOKIE] = make_token()
        answers = await asyncio.gather(tablet.get("/"), *(each.get("/") for each in strangers))
        assert answers[0].status == 200
        assert {each.path for each in answers[1:]} == {"/enter"}
        assert len(site.service.asked("FindDevices")) - asked <= 4

    visit(tmp_path, use)


def test_a_token_is_asked_for_after_its_request_came(tmp_path: Path) -> None:
    async def use(site: Site) -> None:
        tablet = await site.admitted()
        held = Hold(asyncio.Event(), asyncio.Event())
        site.service.faults["FindDevices"].append(held)
        first = asyncio.create_task(tablet.get("/"))
        await held.arrived.wait()
        [device] = await site.client.list_devices()
        await site.client.revoke_device(device.device_id)
        second = asyncio.create_task(tablet.get("/"))
        await asyncio.sleep(0)
        held.release.set()
        await first
        assert (await second).path == "/enter"

    visit(tmp_path, use)


def test_more_tokens_than_fit_into_a_question_are_refused_and_one_who_gives_up_takes_nobody_with_him() -> None:
    class Service:
        def __init__(self) -> None:
            self.asked: list[int] = []
            self.may_answer = asyncio.Event()

        async def find_devices(self, digests: list[bytes]) -> list[Device | None]:
            self.asked.append(len(digests))
            await self.may_answer.wait()
            return [Device(1, "s1", "tablet-1", 0) for _ in digests]

    async def main() -> None:
        service = Service()
        keeper = Doorkeeper(service, is_secure=False)  # type: ignore[arg-type]
        asking = [asyncio.create_task(keeper.admit("0"))]
        await until_async(lambda: asyncio.sleep(0, bool(service.asked)), within_s=10, what="a question")
        asking += [asyncio.create_task(keeper.admit(str(each))) for each in range(1, DIGESTS_MAX + 2)]
        await asyncio.sleep(0)
        asking[1].cancel()
        service.may_answer.set()
        found = await asyncio.gather(*asking, return_exceptions=True)
        assert service.asked == [1, DIGESTS_MAX]
        assert [type(each).__name__ for each in found] == [
            "Admitted",
            "CancelledError",
            *["Admitted"] * (DIGESTS_MAX - 1),
            "Overloaded",
        ]

    asyncio.run(main())


@pytest.mark.parametrize("origin", ["http://[", "http://[::1", "//", "null"])
def test_an_origin_that_cannot_be_read_is_foreign(tmp_path: Path, origin: str) -> None:
    async def use(site: Site) -> None:
        headers = {"origin": origin, "sec-fetch-site": ""}
        assert (await site.browser().post("/language", {"language": "de"}, **headers)).status == 403
        assert (await site.browser().post("/language", {"language": "de"}, host="", **headers)).status == 403

    visit(tmp_path, use)


def test_a_task_of_as_many_lines_as_there_may_be_is_put_back(tmp_path: Path) -> None:
    async def use(site: Site) -> None:
        skus = [f"{number:02}{'ü' * 62}" for number in range(100)]
        rows = [Adjustment(sku, 1, sequence=at, kind=AdjustmentKind.RECEIPT) for at, sku in enumerate(skus, start=1)]
        await site.client.adjust_stock("s1", "delivery", rows)
        held = await site.client.reserve("s1", [(sku, 1) for sku in skus], customer_id="ann", channel="web")
        assert isinstance(held, Reservation)
        mine = held.reservation_id
        await site.client.confirm(mine)
        await site.client.claim_pick_task("s1", "tablet-1")
        await asyncio.gather(*(site.client.scan_pick_task(mine, "tablet-1", sku) for sku in skus))
        await site.client.finish_pick_task(mine, "tablet-1", is_ready=True)
        tablet = await site.admitted()
        shown = await tablet.tap(await tablet.get(f"/task?id={mine}"), "no_show")
        assert mine in await column(tablet, "to_put_back")
        assert (await tablet.tap(shown, "put_back")).status == 200
        assert mine not in await column(tablet, "to_put_back")

    visit(tmp_path, use)


def test_an_article_is_found_whatever_its_code_looks_like_and_is_no_wrong_pickup_code(tmp_path: Path) -> None:
    async def use(site: Site) -> None:
        table = "sku,aisle\nSHIRT-M1234,3\nhttps://shop.example/7,4".splitlines()
        site.service.products._products = read_products(table)
        mine, tablet = await site.order(), await site.admitted()
        for _ in range(12):
            assert "Aisle 3" in (await tablet.post("/scan", {"code": "SHIRT-M1234"})).text
        assert "Aisle 4" in (await tablet.post("/scan", {"code": "https://shop.example/7"})).text
        code = (await site.client.get_pickup_code(mine)).short_code
        assert (await tablet.post("/scan", {"code": code})).status == 303

    visit(tmp_path, use)


async def _order_of_two(site: Site) -> tuple[Reservation, Reservation]:
    """An order's two parts in one shop."""
    place = Place(52.5, 13.4)
    await site.client.put_stores([Store(each, latitude=52.5, longitude=13.4) for each in ("s1", "s2")])
    order = await site.client.reserve_near(
        [("a", 100)], place=place, policy=SourcingPolicy.SPLIT, customer_id="ann", channel="web"
    )
    assert isinstance(order, Order)
    await site.client.confirm_order(order.order_id)
    more_units = [Adjustment("a", 9, sequence=1, kind=AdjustmentKind.RECEIPT)]
    await site.client.adjust_stock("s1", "delivery", more_units)
    mine = next(part for part in order.parts if part.store_id == "s1")
    more = StorePlan("s1", (("a", mine.lines[0].quantity + 1),))
    changed = await site.client.amend_order(order.order_id, stores=[more])
    assert isinstance(changed, Order), changed
    first, second = await site.client.lookup_pickup("s1", order_id=order.order_id)
    return first, second


def test_a_code_of_an_order_leads_to_all_that_its_customer_collects_here(tmp_path: Path) -> None:
    async def use(site: Site) -> None:
        first, second = await _order_of_two(site)
        tablet = await site.admitted()
        found = await tablet.post("/scan", {"code": first.order_id})
        assert (found.status, first.reservation_id in found.text, second.reservation_id in found.text) == (
            200,
            True,
            True,
        )
        await site.client.collect(first.reservation_id, payment_reference="p")
        leads = await tablet.post("/scan", {"code": first.order_id})
        assert (leads.status, leads.path) == (303, f"/task?id={second.reservation_id.replace(':', '%3A')}")

    visit(tmp_path, use)
