"""Times on the customer's page: when it is ready, and more time, as much as the rules allow."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from holdfast.client import ShortChoice
from tests.gateway.browser import Site, visit
from tests.gateway.test_customer_page import HOUR_MS, form_of, path_of, steps_of


def test_more_time_is_given_within_the_rules_alone(tmp_path: Path) -> None:
    async def use(site: Site) -> None:
        mine = await site.order()
        path, browser = await path_of(site, mine), site.browser()
        assert "extend" not in steps_of(await browser.get(path)), "it lasts as long already"
        site.service.clock.at_ms += HOUR_MS
        assert "extend" not in steps_of(await browser.get(path)), "no longer than ttl_max since it was reserved"
        await site.client.set_policy(replace(await site.client.get_policy(), ttl_max_ms=9 * 24 * HOUR_MS))
        shown = await browser.tap(await browser.get(path), "extend")
        assert "You have more time." in shown.text
        until_ms = (await site.client.get_reservation(mine)).expires_at_ms
        assert until_ms == site.service.clock.at_ms + 24 * HOUR_MS
        assert "extend" not in steps_of(shown)

    visit(tmp_path, use)


def test_no_more_time_is_promised_where_there_is_none_by_now(tmp_path: Path) -> None:
    async def use(site: Site) -> None:
        mine = await site.order()
        path, browser = await path_of(site, mine), site.browser()
        policy = await site.client.get_policy()
        await site.client.set_policy(replace(policy, ttl_max_ms=9 * 24 * HOUR_MS))
        site.service.clock.at_ms += HOUR_MS
        form = form_of(await browser.get(path), "extend")
        await site.client.set_policy(replace(await site.client.get_policy(), ttl_max_ms=policy.ttl_max_ms))
        told = await browser.post(f"{path}/step", form)
        assert (told.status, "We cannot give more time just now." in told.text) == (409, True)

    visit(tmp_path, use)


def test_no_more_time_is_promised_of_what_is_over(tmp_path: Path) -> None:
    async def use(site: Site) -> None:
        mine = await site.order()
        path, browser = await path_of(site, mine), site.browser()
        await site.client.set_policy(replace(await site.client.get_policy(), ttl_max_ms=9 * 24 * HOUR_MS))
        site.service.clock.at_ms += HOUR_MS
        form = form_of(await browser.get(path), "extend")
        site.service.clock.at_ms += 99 * HOUR_MS
        shown = await browser.post(f"{path}/step", form)
        assert "You have more time." not in shown.text
        assert (shown.status, shown.text.count("The time to collect is over")) == (409, 2), "and why"

    visit(tmp_path, use)


def test_what_is_picked_again_later_is_expected_for_then(tmp_path: Path) -> None:
    async def use(site: Site) -> None:
        mine, browser = await site.order(), site.browser()
        path = await path_of(site, mine)
        assert "expected to be ready" not in (await browser.get(path)).text, "it may be at any moment"
        await site.client.claim_pick_task("s1", "eva", reservation_id=mine)
        await site.client.short_pick_task(mine, "eva", "a", 1, ShortChoice.LATER, wait_ms=2 * HOUR_MS)
        shown = (await browser.get(path)).text
        at = datetime.fromtimestamp(site.service.clock.at_ms / 1_000 + 7_200, UTC)
        assert f"expected to be ready {at:%a %d.%m. %H:%M} UTC" in shown
        site.service.clock.at_ms += 3 * HOUR_MS
        assert "expected to be ready" not in (await browser.get(path)).text, "that was before"

    visit(tmp_path, use)
