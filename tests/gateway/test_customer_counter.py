"""What a customer's page has of the counter: the receipt of what was handed over, and who else may come."""

import asyncio
from dataclasses import replace
from pathlib import Path

import grpc
import pytest

from actors.contacts.address_book import AddressBook
from actors.contacts.cipher import ContactsAway
from holdfast.client import HandOver, HoldsCounted, Status
from serve.pages.guard import POLICY
from serve.services import handed_over
from tests.clients.faults import Refuse
from tests.gateway.browser import Site, visit
from tests.gateway.test_customer_page import HOSTILE, HOUR_MS, form_of, path_of, steps_of
from tests.gateway.test_customer_parts import split
from tests.gateway.test_pages import INLINE
from tests.runtime.runtime_fixture import WAIT_S
from tests.waiting import until_async


def test_the_receipt_is_there_once_all_is_handed_over_and_is_one(tmp_path: Path) -> None:
    async def use(site: Site) -> None:
        mine, browser = await site.order(a=2, b=1), site.browser()
        path = await path_of(site, mine)
        assert (await browser.get(f"{path}/receipt")).status == 404
        await site.client.collect(mine, lines=[("a", 1)], payment_reference="card 7")
        early = await browser.get(f"{path}/receipt")
        assert (early.status, early.path) == (303, path), "what is left may still be changed"
        handed = HandOver("till-1", id_checked=True)
        await site.client.collect(mine, payment_reference=HOSTILE, hand_over=handed)
        assert f'href="{path}/receipt"' in (await browser.get(path)).text
        shown = await browser.get(f"{path}/receipt")
        assert (shown.status, shown.headers["content-security-policy"]) == (200, POLICY)
        for said in (f"Receipt number {mine.replace(':', '-')}", "Handed over", "&lt;script&gt;"):
            assert said in shown.text, said
        assert not INLINE.search(shown.text)
        assert (await browser.get(f"{path}/receipt")).text == shown.text, "asked for again it is the same one"
        await site.client.return_reservation(mine, lines=[("a", 1)], refund_reference="r 9")
        back = (await browser.get(f"{path}/receipt")).text
        assert "brought back: 1" in back
        assert "Refund: r 9" in back
        changed = f"{path[:-1]}{'A' if path[-1] != 'A' else 'B'}/receipt"
        assert (await browser.get(changed)).status == 404

    visit(tmp_path, use)


async def forgotten(site: Site, reservation_id: str) -> None:
    """Nobody has to know any more who else might have come."""

    async def is_gone() -> bool:
        return await site.client.get_collector("ann", reservation_id) == ""

    await until_async(is_gone, within_s=WAIT_S, what="the name to be forgotten")


@pytest.mark.parametrize("by", ["one", "batch", "order"])
def test_who_else_might_have_come_is_forgotten_whoever_hands_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    """Also where the contacts are away at that moment: that is no reason for an answer to wait."""

    async def use(site: Site) -> None:
        if by == "order":
            order = await split(site)
            mine = order.parts[0].reservation_id
        else:
            mine = await site.order(a=2)
        await site.client.set_collector("ann", mine, "Bob Example")
        if by != "order":
            await site.client.collect(mine, lines=[("a", 1)], payment_reference="p")
            assert await site.client.get_collector("ann", mine) == "Bob Example", "there is something left to collect"
        tries = 0
        real = AddressBook.collector

        def away(book: AddressBook, *of: str) -> str:
            nonlocal tries
            tries += 1
            if tries == 1:
                raise ContactsAway("for a moment")
            return real(book, *of)

        monkeypatch.setattr(AddressBook, "collector", away)
        monkeypatch.setattr(handed_over, "AGAIN_S", WAIT_S / 100)
        if by == "order":
            await site.client.collect_order(order.order_id, payment_reference="p")
        elif by == "one":
            await site.client.collect(mine, payment_reference="p")
        else:
            outcomes = await asyncio.gather(*(site.client.collect(mine, payment_reference="p") for _ in range(2)))
            assert len(outcomes) == 2
        await until_async(lambda: _is(tries > 1), within_s=WAIT_S, what="another try")
        await forgotten(site, mine)

    visit(tmp_path, use)


async def _is(condition: bool) -> bool:
    return condition


def test_who_else_comes_is_for_the_counter_and_in_no_ledger(tmp_path: Path) -> None:
    async def use(site: Site) -> None:
        mine, browser, tablet = await site.order(), site.browser(), await site.admitted()
        path, before = await path_of(site, mine), (await site.client.ledger_status("s1")).version
        form = form_of(await browser.get(path), "collector") | {"name": HOSTILE}
        assert [(await browser.post(f"{path}/step", form)).status for _ in range(2)] == [303, 303]
        assert (await site.client.ledger_status("s1")).version == before
        for text in ((await browser.get(path)).text, (await tablet.get(f"/task?id={mine}")).text):
            assert "&lt;script&gt;" in text
            assert "<script>alert" not in text
        assert await site.client.get_collector("bob", mine) == "", "it is of one customer's purchase"
        other = await site.order()
        await site.client.set_collector("ann", other, "Bob Example")
        await site.client.mark_ready(other)
        shown = await tablet.tap(await tablet.get(f"/task?id={other}"), "hand_over", payment="p")
        assert "Handed over by tablet-1" in shown.text
        await forgotten(site, other)
        await site.client.erase_contact("ann")
        assert await site.client.get_collector("ann", mine) == ""
        site.service.faults["GetCollector"].extend([Refuse(grpc.StatusCode.FAILED_PRECONDITION)] * 9)
        shown = await browser.get(path)
        assert (shown.status, "collector" in steps_of(shown)) == (200, False), "without contacts all else goes on"

    visit(tmp_path, use)


def test_who_waits_for_units_that_he_lost_sees_how_many(tmp_path: Path) -> None:
    async def use(site: Site) -> None:
        policy = await site.client.get_policy()
        await site.client.set_policy(replace(policy, losers_wait=True, line_wait_max_ms=HOUR_MS))
        mine = await site.order(b=3)
        path = await path_of(site, mine)
        await site.client.count_stock("s1", [("b", 0)], holds=HoldsCounted.INCLUDED)
        assert (await site.client.get_reservation(mine)).status is Status.QUEUED
        shown = await site.browser().get(path)
        assert '<strong>b</strong></div><span class="count">3</span>' in shown.text

    visit(tmp_path, use)
