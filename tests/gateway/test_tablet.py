"""The tablet of a shop, step by step: what is shown, what a double tap does, and what staff are told where it is no."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest

from holdfast.client import PickStatus, PickTask, Reservation, Status
from serve.coordination.elsewhere import Elsewhere
from serve.products.table import read_products
from serve.routing.batcher import DeadlinePassed
from tests.clients.faults import LoseAnswer, Refuse
from tests.gateway.browser import Answer, Browser, Site, forms_of, visit

HOSTILE = '"><script>alert(1)</script>'


async def column(browser: Browser, name: str) -> str:
    """What the board shows in a column; empty where it has none."""
    text = (await browser.get("/")).text
    start = text.find(f'<section class="column {name}"')
    return text[start : text.find("</section>", start)] if start >= 0 else ""


async def tasks(site: Site) -> list[PickTask]:
    return [task async for task in site.client.list_pick_tasks("s1")]


async def reservation(site: Site, reservation_id: str) -> Reservation:
    return await site.client.get_reservation(reservation_id)


def test_an_order_goes_over_the_counter_by_taps_and_scans(tmp_path: Path) -> None:
    async def use(site: Site) -> None:
        mine, other = await site.order("ann", a=2, b=1), await site.order("bob")
        tablet = await site.admitted()
        assert mine in await column(tablet, "to_pick")
        shown = await tablet.tap(await tablet.get("/"), "claim")
        assert f"<h1>{mine}" in shown.text
        assert mine in await column(tablet, "picking")
        shown = await tablet.post("/step", _scan(shown, "c"))
        assert (shown.status, "Wrong article: c was not ordered." in shown.text) == (409, True)
        shown = await tablet.follow(await tablet.post("/step", _scan(shown, "a")))
        assert '<span class="count">1/2</span>' in shown.text
        early = await tablet.tap(shown, "ready", bay="B7")
        assert (early.status, "Not all is picked: 1 of 2 of a." in early.text) == (409, True)
        for code in ("a", "b"):
            shown = await tablet.follow(await tablet.post("/step", _scan(shown, code)))
        shown = await tablet.tap(shown, "ready", bay="B7")
        assert "Bay B7" in shown.text
        assert mine in await column(tablet, "ready")
        codes = await site.client.get_pickup_code(mine)
        for typed in (codes.code, codes.short_code.lower(), mine):
            assert (await tablet.post("/scan", {"code": typed})).path == f"/task?id={mine.replace(':', '%3A')}"
        shown = await tablet.tap(
            await tablet.get(f"/task?id={mine}"), "hand_over", payment="receipt 7", id_checked="on"
        )
        assert "Handed over by tablet-1" in shown.text
        found = await reservation(site, mine)
        assert (found.status, found.payment_reference) == (Status.COLLECTED, "receipt 7")
        assert found.hand_over is not None
        assert (found.hand_over.device, found.hand_over.id_checked) == ("tablet-1", True)
        assert [task.reservation_id for task in await tasks(site)] == [other]

    visit(tmp_path, use)


def _scan(shown: Answer, code: str) -> dict[str, str]:
    form = next(each for each in forms_of(shown.text) if each.fields.get("step") == "scan" and "code" in each.fields)
    return form.fields | {"code": code}


@pytest.mark.parametrize("loses", [False, True])
def test_a_double_tap_is_one_step_also_where_its_answer_was_lost(tmp_path: Path, loses: bool) -> None:
    async def use(site: Site) -> None:
        mine = await site.order(a=3)
        tablet = await site.admitted()
        shown = await tablet.tap(await tablet.get("/"), "claim")
        form = next(each for each in forms_of(shown.text) if each.fields.get("quantity") == "1")
        if loses:
            site.service.faults["ScanPickTask"].append(LoseAnswer())
        taps = [await tablet.post("/step", form.fields | {"step": "scan"}) for _ in range(3)]
        assert {tap.status for tap in taps} == {303}
        [task] = await tasks(site)
        assert [(line.sku, line.picked) for line in task.lines] == [("a", 1)]
        shown = await tablet.get(f"/task?id={mine}")
        await tablet.tap(shown, "scan", sku="a", quantity="1")
        [task] = await tasks(site)
        assert task.lines[0].picked == 2, "a new page has a new key"

    visit(tmp_path, use)


def test_a_hand_over_that_is_tapped_twice_is_one_and_a_second_tablet_is_told_by_whom(tmp_path: Path) -> None:
    async def use(site: Site) -> None:
        mine = await site.order()
        await site.client.mark_ready(mine)
        tablet, other = await site.admitted(), await site.admitted("tablet-2")
        shown, late = await tablet.get(f"/task?id={mine}"), await other.get(f"/task?id={mine}")
        form = next(each for each in forms_of(shown.text) if ("step", "hand_over") in each.buttons)
        fields = form.fields | {"step": "hand_over", "payment": "p"}
        assert [(await tablet.post("/step", fields)).status for _ in range(2)] == [303, 303]
        told = await other.tap(late, "hand_over", payment="q")
        assert (told.status, "Handed over already, by tablet-1." in told.text) == (409, True)

    visit(tmp_path, use)


def test_two_tablets_never_have_one_task(tmp_path: Path) -> None:
    async def use(site: Site) -> None:
        await site.order()
        tablet, other = await site.admitted(), await site.admitted("tablet-2")
        board = await other.get("/")
        await tablet.tap(await tablet.get("/"), "claim")
        form = next(
            each for each in forms_of(board.text) if each.fields.get("id") and ("step", "claim") in each.buttons
        )
        told = await other.post("/step", form.fields | {"step": "claim"})
        assert (told.status, "tablet-1 has this task." in told.text) == (409, True)
        assert "There is no task that nobody has." in (await other.tap(board, "claim")).text
        await tablet.tap(await tablet.get(f"/task?id={form.fields['id']}"), "leave")
        assert (await other.tap(await other.get("/"), "claim")).status == 200
        [task] = await tasks(site)
        assert (task.status, task.picker_id) == (PickStatus.PICKING, "tablet-2")

    visit(tmp_path, use)


def test_what_is_not_there_is_short_by_the_customers_choice(tmp_path: Path) -> None:
    async def use(site: Site) -> None:
        site.service.products._products = read_products(
            "sku,gtin,aisle,bay,photo_url,substitutes\na,4006381333931,3,12,https://photos.example/a.jpg,b".splitlines()
        )
        mine = await site.order(a=3)
        tablet = await site.admitted()
        shown = await tablet.tap(await tablet.get("/"), "claim")
        assert 'src="https://photos.example/a.jpg"' in shown.text
        assert "Aisle 3 Shelf 12" in " ".join(shown.text.split())
        for choice, more in (("WITHOUT", {}), ("SUBSTITUTE", {"substitute": "b"})):
            form = await short_of(tablet, mine, choice)
            await tablet.follow(await tablet.post("/step", form | {"step": "short", "quantity": "1", **more}))
        [task] = await tasks(site)
        assert [(line.sku, line.ordered) for line in task.lines] == [("a", 1), ("b", 1)]
        gone = await short_of(tablet, mine, "ELSEWHERE")
        told = await tablet.follow(await tablet.post("/step", gone | {"step": "short", "quantity": "1"}))
        assert "No other shop has it" in told.text, "there is none near by"
        mine = await site.order("bob")
        await tablet.tap(await tablet.get(f"/task?id={mine}"), "claim")
        later = await short_of(tablet, mine, "LATER")
        assert (await tablet.post("/step", later | {"step": "short", "minutes": "30"})).status == 303
        statuses = {task.reservation_id: task.status for task in await tasks(site)}
        assert statuses[mine] is PickStatus.TO_PICK
        found = await tablet.post("/scan", {"code": "4006381333931"})
        assert (found.status, "Aisle 3" in found.text) == (200, True)

    visit(tmp_path, use)


@pytest.mark.parametrize(("tap", "said"), [("give_up", "goes on without it"), ("let_wait", "waits first in line")])
def test_what_another_shop_is_asked_for_is_given_up_by_one_tap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tap: str, said: str
) -> None:
    async def away(*_: Any) -> Any:
        raise DeadlinePassed(sent=True)

    monkeypatch.setattr(Elsewhere, "move", away)

    async def use(site: Site) -> None:
        await site.client.set_policy(replace(await site.client.get_policy(), line_wait_max_ms=3_600_000))
        mine, tablet = await site.order(a=3), await site.admitted()
        assert "Nothing is being looked for" in (await tablet.get("/missing")).text
        await tablet.tap(await tablet.get("/"), "claim")
        form = await short_of(tablet, mine, "ELSEWHERE") | {"step": "short", "quantity": "1", "to_store": "s2"}
        assert "Shop s2 is still being asked." in (await tablet.follow(await tablet.post("/step", form))).text
        shown, late = await tablet.get("/missing"), await tablet.get("/missing")
        assert "Shop s2 is being asked" in shown.text
        assert 'href="/missing"' in (await tablet.get("/")).text
        told = await tablet.tap(shown, tap)
        assert (told.status, said in told.text) == (200, True)
        again = await tablet.tap(late, tap)
        assert (again.status, "It is settled already." in again.text) == (409, True)
        assert said in (await tablet.follow(await tablet.post("/step", form))).text, "the answer to its key"
        other = await site.admitted("tablet-2", "s2")
        theirs = next(each for each in forms_of(late.text) if ("step", tap) in each.buttons)
        assert (await other.post("/step", theirs.fields | {"step": tap})).status == 404, "of its own shop alone"

    visit(tmp_path, use)


async def short_of(tablet: Browser, reservation_id: str, choice: str) -> dict[str, str]:
    shown = await tablet.get(f"/short?id={reservation_id}&sku=a")
    return next(each for each in forms_of(shown.text) if each.fields.get("choice") == choice).fields


def test_who_waits_stands_first_and_what_is_not_collected_is_put_back(tmp_path: Path) -> None:
    async def use(site: Site) -> None:
        first, second = await site.order("ann"), await site.order("bob")
        tablet = await site.admitted()
        shown = await tablet.tap(await tablet.get(f"/task?id={second}"), "arrived", waits_at=HOSTILE[:32])
        assert "<script>alert" not in shown.text
        waiting = await column(tablet, "waiting")
        assert (second in waiting, first in waiting, "<script>" in waiting) == (True, False, False)
        shown = await tablet.tap(await tablet.get("/"), "claim")
        assert f"<h1>{second}" in shown.text, "the next task is who waits"
        for _ in range(2):
            shown = await tablet.tap(shown, "scan", quantity="1", sku="a")
        await tablet.tap(shown, "ready")
        shown = await tablet.tap(await tablet.get(f"/task?id={second}"), "no_show")
        assert second in await column(tablet, "to_put_back")
        await tablet.tap(shown, "put_back")
        assert [task.reservation_id for task in await tasks(site)] == [first]

    visit(tmp_path, use)


def test_a_device_sees_and_changes_its_own_shop_alone(tmp_path: Path) -> None:
    async def use(site: Site) -> None:
        theirs = await site.order(store_id="s2")
        tablet = await site.admitted()
        assert theirs not in (await tablet.get("/")).text
        assert (await tablet.get(f"/task?id={theirs}")).status == 404
        assert (await tablet.get(f"/short?id={theirs}&sku=a")).status == 404
        for step in ("claim", "no_show", "hand_over", "arrived", "put_back"):
            form = {"step": step, "id": theirs, "key": "k", "payment": "p"}
            assert (await tablet.post("/step", form)).status == 404
        code = await site.client.get_pickup_code(theirs)
        told = await tablet.post("/scan", {"code": code.code})
        assert (told.status, "This is for another shop." in told.text) == (409, True)
        assert (await reservation(site, theirs)).status is Status.CONFIRMED

    visit(tmp_path, use)


def test_nobody_takes_a_step_without_a_token(tmp_path: Path) -> None:
    async def use(site: Site) -> None:
        mine = await site.order()
        tablet = await site.admitted()
        form = {"step": "claim", "id": mine, "key": "k"}
        [device] = await site.client.list_devices()
        await site.client.revoke_device(device.device_id)
        for browser in (tablet, site.browser()):
            for path in ("/", f"/task?id={mine}", f"/short?id={mine}&sku=a"):
                assert (await browser.get(path)).path == "/enter"
            assert (await browser.post("/step", form)).path == "/enter"
            assert (await browser.post("/scan", {"code": mine})).path == "/enter"
        [task] = await tasks(site)
        assert task.status is PickStatus.TO_PICK

    visit(tmp_path, use)


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"step": "claim"}, 400),
        ({"step": "claim", "key": "k" * 65}, 400),
        ({"step": "conquer", "key": "k"}, 400),
        ({"key": "k"}, 400),
        ({"step": "ready", "key": "k"}, 400),
        ({"step": "scan", "key": "k", "id": "ID", "sku": "a", "quantity": "many"}, 400),
        ({"step": "claim", "key": "k", "id": "nowhere"}, 404),
        ({"step": "claim", "key": "k", "id": "s1:999"}, 404),
        ({"step": "scan", "key": "k", "id": "ID"}, 409),
        ({"step": "scan", "key": "k\n", "id": "ID", "sku": "a"}, 409),
        ({"step": "short", "key": "k", "id": "ID", "sku": "a", "choice": "NEVER"}, 409),
        ({"step": "hand_over", "key": "k", "id": "ID"}, 409),
        ({"step": "arrived", "key": "k", "id": "ID", "waits_at": "x" * 33}, 409),
    ],
)
def test_a_form_that_no_page_has_is_refused(tmp_path: Path, form: dict[str, str], status: int) -> None:
    async def use(site: Site) -> None:
        mine = await site.order()
        tablet = await site.admitted()
        assert (await tablet.post("/step", form | ({"id": mine} if form.get("id") == "ID" else {}))).status == status

    visit(tmp_path, use)


def test_hostile_names_are_shown_as_they_were_typed(tmp_path: Path) -> None:
    async def use(site: Site) -> None:
        held: Any = await site.client.reserve(
            "s1", [("a", 1)], customer_id=HOSTILE, channel="web", external_reference=HOSTILE
        )
        await site.client.confirm(held.reservation_id)
        tablet = await site.admitted(HOSTILE)
        shown = await tablet.tap(await tablet.get("/"), "claim")
        for text in (shown.text, (await tablet.get("/")).text, (await tablet.post("/scan", {"code": HOSTILE})).text):
            assert "<script>alert" not in text
            assert "&lt;script&gt;" in text

    visit(tmp_path, use)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("HF:NONSENSE", "This is no pickup code."),
        ("0001-AAAAA", "This code is none of ours"),
        ("s1:999", "There is no such order here."),
        ("0007/99", "There is no such order."),
        ("4006381333931", "This article is not known here."),
    ],
)
def test_what_is_scanned_in_vain_is_said_in_words(tmp_path: Path, code: str, said: str) -> None:
    async def use(site: Site) -> None:
        tablet = await site.admitted()
        told = await tablet.post("/scan", {"code": code})
        assert (told.status, said in told.text) == (409, True), told.text

    visit(tmp_path, use)


def test_a_step_while_the_service_is_away_is_not_taken_for_a_refusal(tmp_path: Path) -> None:
    async def use(site: Site) -> None:
        mine = await site.order()
        tablet = await site.admitted()
        away = site.service.faults["ClaimPickTask"]
        away.extend([LoseAnswer(), *[Refuse(grpc.StatusCode.UNAVAILABLE)] * 1_000])
        form = {"step": "claim", "id": mine, "key": "k"}
        assert (await tablet.post("/step", form)).status == 503
        away.clear()
        assert (await tablet.post("/step", form)).status == 303, "sent again it is one step"
        away.append(Refuse(grpc.StatusCode.DATA_LOSS))
        assert (await tablet.post("/step", form)).status == 500, "which is not sent again by itself"

    visit(tmp_path, use, call_ms=200)


def test_open_pages_of_a_shop_hear_of_what_concerns_its_tasks(tmp_path: Path) -> None:
    async def use(site: Site) -> None:
        await _with_live(site, lambda tablet, hears: _told(site, tablet, hears))

    visit(tmp_path, use)


async def _with_live(site: Site, use: Callable[[Browser, Callable[[], Awaitable[bytes]]], Awaitable[None]]) -> None:
    tablet = await site.admitted()
    async with tablet.opened("GET", "/live") as stream:
        assert await stream.part() == b"retry: 2000\n\n"

        async def hears() -> bytes:
            return await stream.part() or b""

        await use(tablet, hears)


async def _told(site: Site, tablet: Browser, hears: Callable[[], Awaitable[bytes]]) -> None:
    assert b"event: changed" in await hears(), "what there is"
    mine = await site.order()
    assert b"event: changed" in await hears()
    assert mine in (await tablet.get("/")).text
    listed = len(site.service.asked("ListPickTasks"))
    for _ in range(3):
        assert mine in (await tablet.get("/")).text
    assert len(site.service.asked("ListPickTasks")) == listed, "listed once for all that look"
    await site.client.claim_pick_task("s1", "other")
    assert b"event: changed" in await hears()
    assert mine in await column(tablet, "picking")


@pytest.mark.parametrize("language", ["de", "en"])
def test_every_page_is_there_in_each_language(tmp_path: Path, language: str) -> None:
    async def use(site: Site) -> None:
        mine = await site.order()
        tablet = await site.admitted()
        await tablet.post("/language", {"language": language})
        shown = await tablet.tap(await tablet.get("/"), "claim")
        for path in ("/", f"/task?id={mine}", f"/short?id={mine}&sku=a", "/nowhere"):
            text = (await tablet.get(path)).text
            assert f'<html lang="{language}">' in text
        assert ("Übernommen." in shown.text) == (language == "de")

    visit(tmp_path, use)


@pytest.mark.parametrize(
    ("language", "said"),
    [("en", "A till alone hands this out."), ("de", "Das gibt allein eine Kasse heraus.")],
)
def test_what_a_till_was_given_is_not_handed_over_here_and_staff_are_told_in_their_words(
    tmp_path: Path, language: str, said: str
) -> None:
    async def use(site: Site) -> None:
        mine = await site.order()
        await site.client.mark_ready(mine)
        await site.client.give(mine, "till-1", ttl_ms=600_000)
        tablet = await site.admitted()
        await tablet.post("/language", {"language": language})
        told = await tablet.tap(await tablet.get(f"/task?id={mine}"), "hand_over", payment="p")
        assert (told.status, said in told.text) == (409, True)
        assert (await reservation(site, mine)).status is Status.READY

    visit(tmp_path, use)
