"""The hand-over with both sides in real browsers: a customer's telephone, and a tablet whose camera sees its code."""

from pathlib import Path

import pytest

from holdfast.client import PickStatus
from tests.gateway.browser import Site, visit
from tests.gateway.chromium import browsing, chromium
from tests.gateway.test_customer_page import path_of, task_of
from tests.gateway.test_tablet_in_chromium import CAMERA, filmed, let_in

pytestmark = pytest.mark.skipif(
    not chromium(), reason="there is no Chromium: install one, or name it by HOLDFAST_CHROMIUM"
)


def test_a_customer_is_served_and_both_sides_see_each_step(tmp_path: Path) -> None:
    async def use(site: Site) -> None:
        mine = await site.order(a=2)
        path, film = await path_of(site, mine), tmp_path / "film.y4m"
        filmed((await site.client.get_pickup_code(mine)).code, film)
        sees = f"--use-file-for-fake-video-capture={film}"
        async with (
            browsing(site, tmp_path / "telephone") as (telephone, there),
            browsing(site, tmp_path / "tablet", *CAMERA, sees) as (tablet, here),
        ):
            await let_in(site, tablet, here)
            await telephone.open(f"{there}{path}")
            await telephone.until("document.querySelector('.online').textContent === 'Connected'")
            await tablet.tap(".to_pick button[value=claim]")
            await tablet.until("document.querySelector('#task')")
            for count in ("1/2", "2/2"):
                await tablet.tap("button.first[value=scan]")
                await tablet.until(f"document.querySelector('.line .count').textContent === '{count}'")
            await tablet.tap("button[value=ready]")
            await telephone.until("document.querySelector('h1').textContent === 'Your order is ready'")
            await telephone.value("document.querySelector('#waits_at').value = 'bay 3'")
            await telephone.tap("button[value=here]")
            await tablet.open(f"{here}/")
            await tablet.until("document.querySelector('#board').innerText.includes('bay 3')")
            await tablet.tap("[data-camera]:not([hidden])")
            await tablet.until(f"document.querySelector('#task h1').textContent.startsWith('{mine}')")
            await tablet.value("document.querySelector('input[name=payment]').value = 'card 7'")
            await tablet.tap("button[value=hand_over]", times=2)
            await tablet.until("document.querySelector('#task .done').textContent.includes('tablet-1')")
            await telephone.tap("a[href$=receipt]")
            await telephone.until("document.body.innerText.includes('Handed over')")
            assert (await task_of(site, mine)).status == PickStatus.HANDED_OVER
            assert not telephone.complaints + tablet.complaints

    visit(tmp_path, use)
