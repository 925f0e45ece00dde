"""The customer's page as a browser meets it: who has the link sees one pickup, and acts for it."""

import asyncio
import re
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import grpc
import pytest

from actors.core.pickup_links import PAGE_PATH as PATH_OF_LINKS
from holdfast.client import PickTask, ReleaseReason, Status, Store
from holdfast.client.models.pick_events import ArrivalNoted
from serve.pages import visits
from serve.pages.application import application
from serve.pages.customer import PAGE_PATH
from serve.pages.guard import POLICY
from tests.clients.faults import LoseAnswer, Refuse
from tests.gateway.browser import URL, Answer, Site, forms_of, visit
from tests.gateway.test_pages import INLINE

HOSTILE: Final = '"><script>alert(1)</script>'
HOURS: Final[dict[str, Any]] = {
    "zone": "Europe/Vienna",
    "weekly": [{"intervals": [{"open_minute": 540, "close_minute": 1_200}]}] * 6 + [{}],
}
HOUR_MS: Final = 3_600_000


async def path_of(site: Site, reservation_id: str) -> str:
    """Where the customer's page is."""
    return f"{PATH_OF_LINKS}{(await site.client.get_pickup_link(reservation_id)).token}"


async def task_of(site: Site, reservation_id: str) -> PickTask:
    return await site.client.get_pick_task(reservation_id)


def form_of(shown: Answer, step: str) -> dict[str, str]:
    form = next(each for each in forms_of(shown.text) if ("step", step) in each.buttons)
    return form.fields | {"step": step}


def steps_of(shown: Answer) -> set[str]:
    """The steps that a page offers."""
    return {value for form in forms_of(shown.text) for name, value in form.buttons if name == "step"}


def test_what_the_shop_could_not_find_is_not_told_as_cancelled(tmp_path: Path) -> None:
    async def use(site: Site) -> None:
        for reason, said in (
            (ReleaseReason.NOT_FOUND_ON_SHELF, "We no longer have your goods"),
            (ReleaseReason.CUSTOMER_CANCELLED, "This order was cancelled"),
            (ReleaseReason.NO_SHOW, "The time to collect is over"),
        ):
            mine = await site.order(said, a=1)
            await site.client.release(mine, reason=reason, idempotency_key=said)
            assert f"<h1>{said}</h1>" in (await site.browser().get(await path_of(site, mine))).text

    visit(tmp_path, use)


def test_it_says_what_where_until_when_and_by_which_code(tmp_path: Path) -> None:
    async def use(site: Site) -> None:
        await site.client.put_stores([Store("s1", name="Mitte", latitude=52.5, longitude=13.4, hours=HOURS)])
        mine = await site.order(a=2, b=1)
        path = await path_of(site, mine)
        shown = await site.browser().get(path)
        code = await site.client.get_pickup_code(mine)
        assert (shown.status, shown.headers["content-security-policy"]) == (200, POLICY)
        assert shown.headers["x-robots-tag"].startswith("noindex")
        assert shown.headers["cache-control"] == "no-store"
        assert shown.headers["referrer-policy"] == "same-origin"
        for said in (
            "We have your order",
            "Mitte",
            "Over the yard,\nfirst floor",
            "09:00",
            "20:00",
            code.short_code,
            mine,
        ):
            assert said in shown.text, said
        assert 'href="https://www.openstreetmap.org/?mlat=52.5&amp;mlon=13.4" rel="noreferrer noopener"' in shown.text
        assert re.search(r"to be collected until \w+ \d\d\.\d\d\. \d\d:\d\d<", shown.text), "by the shop's clock"
        assert not INLINE.search(shown.text)
        assert "tablet.js" not in shown.text
        drawn = await site.browser().get(f"{path}/code.svg")
        assert (drawn.status, drawn.headers["content-type"]) == (200, "image/svg+xml")
        assert "<svg" in drawn.text
        assert not INLINE.search(drawn.text)
        german = await site.browser().get(path, **{"accept-language": "de"})
        assert "Wir haben Ihre Bestellung" in german.text

    visit(tmp_path, use, directions={"s1": "Over the yard,\nfirst floor"})


def test_another_language_leads_back_to_the_page_and_nowhere_else(tmp_path: Path) -> None:
    async def use(site: Site) -> None:
        path, browser = await path_of(site, await site.order()), site.browser()
        form = next(each for each in forms_of((await browser.get(path)).text) if each.action == "/language")
        assert (await browser.post("/language", form.fields | {"language": "de"})).path == path
        assert "Ich bin da" in (await browser.get(path)).text
        for back in ("https://evil.example", "//evil.example/p/x", f"{path}/..", f"{path}\n", "/task"):
            assert (await browser.post("/language", {"language": "de", "back": back})).path == "/"

    visit(tmp_path, use)


def test_a_link_opens_one_pickup_and_a_wrong_one_nothing(tmp_path: Path) -> None:
    async def use(site: Site) -> None:
        mine, other = await site.order(a=2), await site.order("bob", a=3)
        path, browser = await path_of(site, mine), site.browser()
        shown = await browser.get(path)
        assert other not in shown.text
        form = form_of(shown, "cancel")
        await browser.post(f"{path}/step", form | {"id": other, "reservation_id": other})
        assert (await site.client.get_reservation(other)).status is Status.CONFIRMED
        assert (await site.client.get_reservation(mine)).status is Status.RELEASED
        changed = path[:-1] + ("A" if path[-1] != "A" else "B")
        wrong = (changed, "/p/x", "/p/ ", f"/p/{'x' * 300}", f"{changed}/code.svg", f"{changed}/live")
        answers = [await browser.get(each) for each in wrong]
        answers.append(await browser.post(f"{changed}/step", form))
        assert {each.status for each in answers} == {404}
        assert len({each.text for each in answers}) == 1, "one answer for all that is wrong"
        assert 'href="/"' not in answers[0].text, "to a customer the tablet's door is no way back"

    visit(tmp_path, use)


def test_a_link_of_a_revoked_key_opens_nothing_from_then_on(tmp_path: Path) -> None:
    async def use(site: Site) -> None:
        path, browser = await path_of(site, await site.order()), site.browser()
        assert (await browser.get(path)).status == 200
        [key] = await site.client.list_pickup_keys(of_links=True)
        await site.client.rotate_pickup_key(key.key_id, revoke=True, of_links=True)
        assert (await browser.get(path)).status == 404

    visit(tmp_path, use)


def test_who_comes_moves_up_the_queue_shows_on_the_tablet_and_is_an_event(tmp_path: Path) -> None:
    async def use(site: Site) -> None:
        first, mine = await site.order(), await site.order("bob")
        browser, tablet = site.browser(), await site.admitted()
        now_ms = site.service.clock.at_ms
        shown = await browser.tap(await browser.get(await path_of(site, mine)), "coming", minutes="20")
        assert "Thank you. We expect you." in shown.text
        assert (await task_of(site, mine)).expected_at_ms == now_ms + 20 * 60_000
        assert "comes at" in (await tablet.get("/")).text
        shown = await browser.tap(shown, "here", waits_at="bay 3")
        assert "We know that you are here" in shown.text
        assert "coming" not in steps_of(shown)
        task = await task_of(site, mine)
        assert (task.arrived_at_ms, task.waits_at) == (now_ms, "bay 3")
        assert [each.reservation_id async for each in site.client.list_pick_tasks("s1")] == [mine, first]
        board = (await tablet.get("/")).text
        assert "Customers waiting" in board
        assert "bay 3" in board
        said: list[Any] = []
        async with site.client.watch_events({"s1": 0}) as events:
            async for event in events:
                said += [event.change] if isinstance(event.change, ArrivalNoted) else []
                if len(said) == 2:
                    break
        assert said == [ArrivalNoted(mine, "", now_ms + 20 * 60_000), ArrivalNoted(mine, "bay 3", None)]

    visit(tmp_path, use)


@pytest.mark.parametrize(
    ("step", "typed"), [("coming", {"minutes": "20"}), ("here", {"waits_at": "car"}), ("extend", {}), ("cancel", {})]
)
@pytest.mark.parametrize("loses", [False, True])
def test_a_double_tap_is_one_step_also_where_its_answer_was_lost(
    tmp_path: Path, step: str, typed: dict[str, str], loses: bool
) -> None:
    async def use(site: Site) -> None:
        await site.client.set_policy(replace(await site.client.get_policy(), ttl_max_ms=9 * 24 * HOUR_MS))
        mine = await site.order()
        site.service.clock.at_ms += HOUR_MS
        path, browser = await path_of(site, mine), site.browser()
        form = form_of(await browser.get(path), step) | typed
        if loses:
            method = {"extend": "ExtendReservation", "cancel": "ReleaseReservation"}.get(step, "NoteArrival")
            site.service.faults[method].append(LoseAnswer())
        before = (await site.client.ledger_status("s1")).version
        taps = await asyncio.gather(*(browser.post(f"{path}/step", form) for _ in range(3)))
        assert {tap.status for tap in taps} == {303}
        assert (await site.client.ledger_status("s1")).version == before + 1
        assert (await browser.post(f"{path}/step", form)).status == 303, "also once it is done"
        assert (await site.client.ledger_status("s1")).version == before + 1

    visit(tmp_path, use)


def test_what_was_cancelled_or_collected_is_said_and_offers_nothing(tmp_path: Path) -> None:
    async def use(site: Site) -> None:
        mine, other, browser = await site.order(), await site.order("bob"), site.browser()
        path = await path_of(site, mine)
        late = await browser.get(path)
        shown = await browser.tap(late, "cancel")
        assert "This order was cancelled" in shown.text
        assert not steps_of(shown)
        found = await site.client.get_reservation(mine)
        assert (found.status, found.release_reason) == (Status.RELEASED, ReleaseReason.CUSTOMER_CANCELLED)
        assert (await browser.get(f"{path}/code.svg")).status == 404
        told = await browser.tap(late, "here", waits_at="")
        assert (told.status, "not possible" in told.text) == (409, True)
        theirs = await path_of(site, other)
        late = await browser.get(theirs)
        await site.client.collect(other, payment_reference="p")
        shown = await browser.get(theirs)
        assert "Collected. Thank you!" in shown.text
        assert not steps_of(shown)
        told = await browser.tap(late, "cancel")
        assert (told.status, "This was collected already." in told.text) == (409, True)
        assert (await site.client.get_reservation(other)).status is Status.COLLECTED

    visit(tmp_path, use)


def test_the_picking_is_told_as_it_goes(tmp_path: Path) -> None:
    async def use(site: Site) -> None:
        mine, tablet, browser = await site.order(), await site.admitted(), site.browser()
        path = await path_of(site, mine)
        shown = await tablet.tap(await tablet.get("/"), "claim")
        assert "We are picking your order" in (await browser.get(path)).text
        for _ in range(2):
            scan = next(each for each in forms_of(shown.text) if each.fields.get("quantity") == "1")
            shown = await tablet.follow(await tablet.post("/step", scan.fields | {"step": "scan"}))
        await tablet.tap(shown, "ready", bay="B7")
        assert "Your order is ready" in (await browser.get(path)).text

    visit(tmp_path, use)


def test_an_open_page_hears_of_its_own_pickup_alone(tmp_path: Path) -> None:
    async def use(site: Site) -> None:
        mine, other, browser = await site.order(), await site.order("bob"), site.browser()
        path, theirs = await path_of(site, mine), await path_of(site, other)
        async with (
            browser.opened("GET", f"{path}/live") as stream,
            site.browser().opened("GET", f"{theirs}/live") as others,
        ):
            for each in (stream, others):
                assert await each.part() == b"retry: 2000\n\n"
                assert b"event: changed" in (await each.part() or b""), "of what happened before it was followed"
            await site.client.mark_ready(other)
            assert b"event: changed" in (await others.part() or b"")
            await site.client.mark_ready(mine)
            assert b"event: changed" in (await stream.part() or b"")
            assert stream._parts.empty(), "it heard of one change"

    visit(tmp_path, use)


def test_customers_take_no_places_of_tablets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visits, "VISITS_MAX", 1)

    async def use(site: Site) -> None:
        mine, tablet = await site.order(), await site.admitted()
        path = await path_of(site, mine)
        async with site.browser().opened("GET", f"{path}/live") as one:
            assert one.status == 200
            assert (await site.browser().get(f"{path}/live")).status == 503
            async with tablet.opened("GET", "/live") as other:
                assert other.status == 200
        async with site.browser().opened("GET", f"{path}/live") as next_one:
            assert next_one.status == 200, "a place that was left is free"

    visit(tmp_path, use)


def test_a_page_that_is_open_over_an_upgrade_goes_on(tmp_path: Path) -> None:
    async def use(site: Site) -> None:
        mine, browser = await site.order(), site.browser()
        shown = await browser.get(await path_of(site, mine))
        browser.app = application(site.client, URL)  # another process
        assert (await browser.tap(shown, "here", waits_at="bay 3")).status == 200
        assert (await task_of(site, mine)).waits_at == "bay 3"

    visit(tmp_path, use)


def test_nonsense_is_refused(tmp_path: Path) -> None:
    async def use(site: Site) -> None:
        mine, browser = await site.order(), site.browser()
        path = await path_of(site, mine)
        cases: list[tuple[dict[str, str], int]] = [
            ({"step": "here", "waits_at": "x" * 33}, 409),
            ({"step": "here", "waits_at": "a\x00b"}, 409),
            ({"step": "here", "key": "k"}, 400),
            ({"step": "here", "key": ""}, 400),
            ({"step": "none"}, 400),
            ({}, 400),
            *(({"step": "coming", "minutes": each}, 400) for each in ("0", "241", "-1", "x", "", "1e1", "٣")),
        ]
        for form, status in cases:
            answer = await browser.post(f"{path}/step", {"key": "0f" * 16} | form)
            assert answer.status == status, form
        assert (await task_of(site, mine)).arrived_at_ms is None

    visit(tmp_path, use)


def test_what_a_customer_types_is_shown_as_it_was_typed(tmp_path: Path) -> None:
    async def use(site: Site) -> None:
        mine, browser, tablet = await site.order(), site.browser(), await site.admitted()
        shown = await browser.tap(await browser.get(await path_of(site, mine)), "here", waits_at=HOSTILE)
        for text in (shown.text, (await tablet.get("/")).text, (await tablet.get(f"/task?id={mine}")).text):
            assert "<script>alert" not in text
            assert "&lt;script&gt;" in text

    visit(tmp_path, use)


def test_a_step_of_a_page_is_of_its_pickup_whatever_its_key(tmp_path: Path) -> None:
    async def use(site: Site) -> None:
        mine, other, browser = await site.order(), await site.order("bob"), site.browser()
        paths = [await path_of(site, each) for each in (mine, other)]
        form = form_of(await browser.get(paths[0]), "here") | {"waits_at": "1"}
        for path in paths:
            assert (await browser.post(f"{path}/step", form)).status == 303
        assert [(await task_of(site, each)).waits_at for each in (mine, other)] == ["1", "1"]

    visit(tmp_path, use)


def test_where_the_shop_does_not_pick_nobody_is_expected(tmp_path: Path) -> None:
    async def use(site: Site) -> None:
        await site.client.set_policy(replace(await site.client.get_policy(), picks=False))
        shown = await site.browser().get(await path_of(site, await site.order()))
        assert steps_of(shown) == {"cancel", "collector"}

    visit(tmp_path, use)


def test_forms_of_other_sites_are_refused_and_a_service_that_is_away_is_said_so(tmp_path: Path) -> None:
    async def use(site: Site) -> None:
        mine, browser = await site.order(), site.browser()
        path = await path_of(site, mine)
        form = form_of(await browser.get(path), "cancel")
        foreign = {"origin": "https://evil.example", "sec-fetch-site": ""}
        assert (await browser.post(f"{path}/step", form, **foreign)).status == 403
        site.service.faults["GetLinkedPickup"].extend([Refuse(grpc.StatusCode.UNAVAILABLE)] * 1_000)
        assert (await browser.get(path)).status == 503
        site.service.faults.clear()
        assert (await site.client.get_reservation(mine)).status is Status.CONFIRMED

    visit(tmp_path, use, call_ms=500)


def test_no_log_line_has_a_link(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def use(site: Site) -> str:
        path = await path_of(site, await site.order())
        site.service.faults["GetLinkedPickup"].extend([Refuse(grpc.StatusCode.UNAVAILABLE)] * 1_000)
        await site.browser().get(path)
        return path

    path = visit(tmp_path, use, call_ms=500)
    assert PAGE_PATH.fullmatch(path)
    lines = [str(vars(each)) for each in caplog.records if each.name == "holdfast.pages"]
    assert lines
    assert not any(path.removeprefix(PATH_OF_LINKS) in each for each in lines)
