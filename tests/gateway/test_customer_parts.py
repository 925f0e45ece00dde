"""The customer's page of a part of an order: its time is its order's."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from holdfast.client import Order, Place, SourcingPolicy, Status, Store, StorePlan
from serve.coordination.coordinator import Coordinator
from serve.routing.batcher import DeadlinePassed
from tests.clients.faults import LoseAnswer
from tests.gateway.browser import Site, visit
from tests.gateway.test_customer_page import HOUR_MS, form_of, path_of, steps_of


async def split(site: Site) -> Order:
    """An order that was confirmed, of which no shop has all: a part in s1, and one in s2."""
    stores = [Store(name, latitude=48.2, longitude=16.4) for name in ("s1", "s2")]
    await site.client.put_stores(stores)
    of: dict[str, Any] = {"place": Place(48.2, 16.4), "policy": SourcingPolicy.SPLIT}
    held = await site.client.reserve_near([("a", 100), ("b", 1)], customer_id="ann", channel="web", **of)
    assert isinstance(held, Order), held
    order = await site.client.confirm_order(held.order_id)
    assert isinstance(order, Order), order
    return order


def test_a_part_has_more_time_with_its_whole_order(tmp_path: Path) -> None:
    async def use(site: Site) -> None:
        order = await split(site)
        here, there = (part.reservation_id for part in order.parts)
        path, browser = await path_of(site, here), site.browser()
        site.service.clock.at_ms += HOUR_MS
        assert "extend" not in steps_of(await browser.get(path)), "no longer than ttl_max since it was reserved"
        await site.client.set_policy(replace(await site.client.get_policy(), ttl_max_ms=9 * 24 * HOUR_MS))
        form = form_of(await browser.get(path), "extend")
        site.service.faults["ExtendOrder"].append(LoseAnswer())
        taps = await asyncio.gather(*(browser.post(f"{path}/step", form) for _ in range(3)))
        assert {tap.status for tap in taps} == {303}
        until_ms = site.service.clock.at_ms + 24 * HOUR_MS
        assert (await site.client.get_order(order.order_id)).expires_at_ms == until_ms
        assert {(await site.client.get_reservation(each)).expires_at_ms for each in (here, there)} == {until_ms}
        assert "extend" not in steps_of(await browser.get(path))
        site.service.clock.at_ms += HOUR_MS
        assert "extend" in steps_of(await browser.get(await path_of(site, there)))

    visit(tmp_path, use)


def test_a_page_is_there_without_the_order_of_its_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, is_away = Coordinator.order, False

    async def order_of(self: Coordinator, *of: Any) -> Any:
        if is_away:
            raise DeadlinePassed(sent=True)
        return await real(self, *of)

    monkeypatch.setattr(Coordinator, "order", order_of)

    async def use(site: Site) -> None:
        nonlocal is_away
        order = await split(site)
        path = await path_of(site, order.parts[0].reservation_id)
        await site.client.set_policy(replace(await site.client.get_policy(), ttl_max_ms=9 * 24 * HOUR_MS))
        site.service.clock.at_ms += HOUR_MS
        assert "extend" in steps_of(await site.browser().get(path))
        is_away = True
        shown = await site.browser().get(path)
        assert (shown.status, "extend" in steps_of(shown), "cancel" in steps_of(shown)) == (200, False, True)

    visit(tmp_path, use)


def test_a_tap_for_more_time_of_a_part_that_is_over_leaves_the_rest_of_its_order_alone(tmp_path: Path) -> None:
    async def use(site: Site) -> None:
        order = await split(site)
        here, there = (part.reservation_id for part in order.parts)
        path, browser = await path_of(site, here), site.browser()
        await site.client.set_policy(replace(await site.client.get_policy(), ttl_max_ms=9 * 24 * HOUR_MS))
        site.service.clock.at_ms += HOUR_MS
        form = form_of(await browser.get(path), "extend")
        until_ms = (await site.client.get_order(order.order_id)).expires_at_ms
        await site.client.collect(here, payment_reference="p")
        told = await browser.post(f"{path}/step", form)
        assert (told.status, "This was collected already." in told.text) == (409, True)
        assert (await site.client.get_order(order.order_id)).expires_at_ms == until_ms
        assert (await site.client.get_reservation(there)).expires_at_ms == until_ms

    visit(tmp_path, use)


def test_more_time_is_not_promised_where_nobody_could_be_asked_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, is_away = Coordinator.order, False

    async def order_of(self: Coordinator, *of: Any) -> Any:
        if is_away:
            raise DeadlinePassed(sent=True)
        return await real(self, *of)

    monkeypatch.setattr(Coordinator, "order", order_of)

    async def use(site: Site) -> None:
        nonlocal is_away
        order = await split(site)
        path, browser = await path_of(site, order.parts[0].reservation_id), site.browser()
        await site.client.set_policy(replace(await site.client.get_policy(), ttl_max_ms=9 * 24 * HOUR_MS))
        site.service.clock.at_ms += HOUR_MS
        form = form_of(await browser.get(path), "extend")
        is_away = True
        assert (await browser.post(f"{path}/step", form)).status == 503, "the browser says it again"
        is_away = False
        assert (await browser.post(f"{path}/step", form)).status == 303
        assert (await site.client.get_order(order.order_id)).expires_at_ms > order.expires_at_ms

    visit(tmp_path, use, call_ms=500)


def test_who_cancels_a_part_is_told_that_the_rest_stays(tmp_path: Path) -> None:
    async def use(site: Site) -> None:
        order = await split(site)
        here, there = (part.reservation_id for part in order.parts)
        shown = await site.browser().get(await path_of(site, here))
        assert "what you ordered in others stays" in shown.text
        assert "All of it is given back" not in shown.text
        assert (
            "All of it is given back"
            in (await site.browser().get(await path_of(site, await site.order("bob", b=1)))).text
        )
        assert (await site.browser().tap(shown, "cancel")).status == 200
        statuses = [(await site.client.get_reservation(each)).status for each in (here, there)]
        assert statuses == [Status.RELEASED, Status.CONFIRMED]

    visit(tmp_path, use)


def test_a_part_that_its_order_was_changed_to_go_without_was_not_cancelled(tmp_path: Path) -> None:
    async def use(site: Site) -> None:
        order = await split(site)
        there = next(part.reservation_id for part in order.parts if part.store_id == "s2")
        path = await path_of(site, there)
        changed = await site.client.amend_order(order.order_id, stores=[StorePlan("s2")])
        assert isinstance(changed, Order), changed
        shown = await site.browser().get(path)
        assert "Your order was changed" in shown.text
        assert "cancelled" not in shown.text

    visit(tmp_path, use)
