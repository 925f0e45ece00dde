"""The customer's page in a real browser: taps, what is told while it is open, and its shape by day and by night."""

import os
from pathlib import Path

import pytest

from tests.gateway.browser import Site, visit
from tests.gateway.chromium import browsing, chromium
from tests.gateway.test_customer_page import path_of, task_of

pytestmark = pytest.mark.skipif(
    not chromium(), reason="there is no Chromium: install one, or name it by HOLDFAST_CHROMIUM"
)


def test_a_customer_says_that_he_comes_and_sees_that_it_is_ready(tmp_path: Path) -> None:
    async def use(site: Site) -> None:
        mine = await site.order()
        path = await path_of(site, mine)
        async with browsing(site, tmp_path / "browser") as (tab, url):
            await tab.open(f"{url}{path}")
            await tab.until("document.querySelector('.qr').complete && document.querySelector('.qr').naturalWidth > 0")
            await tab.until("document.querySelector('.online').textContent === 'Connected'")
            await tab.tap("button[value=coming]", times=2)
            await tab.until("document.querySelector('#state').innerText.includes('We expect you')")
            await tab.value("document.querySelector('#waits_at').value = 'bay 3'")
            await tab.tap("button[value=here]", times=2)
            await tab.until("document.querySelector('#state').innerText.includes('bay 3')")
            assert (await task_of(site, mine)).waits_at == "bay 3"
            assert await tab.value("location.pathname") == path, "and not that of a form"
            await site.client.mark_ready(mine)
            await tab.until("document.querySelector('h1').textContent === 'Your order is ready'")
            await site.client.collect(mine, payment_reference="p")
            await tab.until("document.querySelector('a[href$=receipt]')")
            assert not await tab.value("!!document.querySelector('.qr')"), "the code is of no use any more"
            assert not tab.complaints, "neither an error of ours nor a breach of the policy"

    visit(tmp_path, use)


@pytest.mark.parametrize("width", [320, 820])
def test_it_fits_a_telephone_in_the_light_and_in_the_dark(tmp_path: Path, width: int) -> None:
    async def use(site: Site) -> None:
        path = await path_of(site, await site.order(a=2, b=1))
        pictures = os.environ.get("HOLDFAST_PICTURES")
        async with browsing(site, tmp_path / "browser") as (tab, url):
            size = {"width": width, "height": width * 2, "deviceScaleFactor": 1, "mobile": False}
            await tab.tell("Emulation.setDeviceMetricsOverride", **size)
            await tab.open(f"{url}{path}")
            for scheme in ("light", "dark"):
                features = [{"name": "prefers-color-scheme", "value": scheme}]
                await tab.tell("Emulation.setEmulatedMedia", features=features)
                assert await tab.value("document.documentElement.scrollWidth") <= width
                if pictures:
                    await tab.picture(Path(pictures) / f"customer-{width}-{scheme}.png")

    visit(tmp_path, use)
