"""The tablet in a real browser: what our scripts do, by touch, by a hand scanner, and without network."""

import os
from pathlib import Path
from typing import Any, Final

import pytest
import segno
from starlette.responses import PlainTextResponse

from holdfast.client import PickStatus, PickTask, ReleaseReason, make_token
from tests.gateway.browser import Site, visit
from tests.gateway.chromium import Tab, browsing, chromium
from tests.waiting import until_async

pytestmark = pytest.mark.skipif(
    not chromium(), reason="there is no Chromium: install one, or name it by HOLDFAST_CHROMIUM"
)

CAMERA: Final = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")


async def tasks(site: Site) -> list[PickTask]:
    return [task async for task in site.client.list_pick_tasks("s1")]


async def let_in(site: Site, tab: Tab, url: str) -> None:
    """Open the link that `holdfast device add` shows."""
    token = make_token()
    await site.client.add_device("s1", "tablet-1", token)
    await tab.open(f"{url}/enter#{token}")
    await tab.until("document.querySelector('#board')")
    assert await tab.value("location.href") == f"{url}/", "the token is nowhere to be read"


def test_a_task_is_picked_by_touch_and_by_a_hand_scanner(tmp_path: Path) -> None:
    async def use(site: Site) -> None:
        async with browsing(site, tmp_path / "browser") as (tab, url):
            await let_in(site, tab, url)
            await tab.until("document.querySelector('.online').textContent === 'Connected'")
            mine = await site.order(a=4)
            await tab.until(f"document.querySelector('.to_pick').innerText.includes('{mine.partition(':')[2]}')")
            await tab.tap(".to_pick button[value=claim]", times=2)
            await tab.until("document.querySelector('#task')")
            await tab.value("document.activeElement.blur()")
            await tab.type("a")
            await tab.until("document.querySelector('.line .count').textContent === '1/4'")
            await tab.tap("button.first[value=scan]", times=3)
            await tab.until("document.querySelector('.line .count').textContent === '2/4'")
            await tab.type("a")
            await tab.type("a")
            await tab.until("document.querySelector('.line .count').textContent === '4/4'")
            await tab.value("document.querySelector('input[name=bay]').value = 'B7'")
            await tab.tap("button[value=ready]")
            await tab.until("document.querySelector('#task').innerText.includes('Bay B7')")
            [task] = await tasks(site)
            assert (task.status, task.bay, task.lines[0].picked) == (PickStatus.READY, "B7", 4)
            assert not tab.complaints, "neither an error of ours nor a breach of the policy"

    visit(tmp_path, use)


def test_what_is_typed_for_one_step_outlives_the_answer_to_another(tmp_path: Path) -> None:
    async def use(site: Site) -> None:
        async with browsing(site, tmp_path / "browser") as (tab, url):
            await let_in(site, tab, url)
            mine = await site.order()
            await tab.tap(f"li[id='{mine}'] button[value=claim]")
            await tab.until("document.querySelector('input[name=bay]')")
            await tab.value("document.querySelector('input[name=bay]').value = 'B7'")
            for count in ("1/2", "2/2"):
                await tab.tap("button.first[value=scan]")
                await tab.until(f"document.querySelector('.line .count').textContent === '{count}'")
            await tab.tap("button[value=ready]")
            await tab.until("document.querySelector('#task').innerText.includes('Bay B7')")

    visit(tmp_path, use)


def test_without_network_a_step_waits_and_the_page_catches_up_by_itself(tmp_path: Path) -> None:
    async def use(site: Site) -> None:
        async with browsing(site, tmp_path / "browser") as (tab, url):
            await let_in(site, tab, url)
            mine = await site.order()
            await tab.until("document.querySelector('.to_pick button[value=claim]')")
            await tab.go_offline(offline=True)
            await tab.tap(".to_pick button[value=claim]", times=2)
            await tab.until("document.body.classList.contains('away')")
            await tab.until("document.querySelector('.online').textContent.includes('still to be sent: 1')")
            other = await site.order("bob")
            assert [task.status for task in await tasks(site)] == [PickStatus.TO_PICK] * 2
            await tab.go_offline(offline=False)
            await tab.until("document.querySelector('.online').textContent === 'Connected'")
            await tab.until(f"document.querySelector('h1').textContent.startsWith('{mine}')")
            await tab.open(f"{url}/")
            await tab.until(f"document.querySelector('.to_pick').innerText.includes('{other.partition(':')[2]}')")
            taken = {task.reservation_id: task.status for task in await tasks(site)}
            assert taken == {mine: PickStatus.PICKING, other: PickStatus.TO_PICK}

    visit(tmp_path, use)


def test_a_step_outlives_the_browser_and_its_device_and_goes_before_what_is_tapped_later(tmp_path: Path) -> None:
    async def use(site: Site) -> None:
        async with browsing(site, tmp_path / "browser") as (tab, url):
            await let_in(site, tab, url)
            mine = await site.order()
            await tab.tap(f"li[id='{mine}'] button[value=claim]")
            await tab.until("document.querySelector('#task')")
            await tab.go_offline(offline=True)
            await tab.tap("button.first[value=scan]")
            await tab.until("document.querySelector('.online').textContent.includes('still to be sent: 1')")
            [device] = await site.client.list_devices()
            await site.client.revoke_device(device.device_id)
            await tab.go_offline(offline=False)
            await tab.until("location.pathname === '/enter'")
            assert (await tasks(site))[0].lines[0].picked == 0
            await tab.value("sessionStorage.clear()")  # as a browser that was ended and started again
            token = make_token()
            await site.client.add_device("s1", "tablet-1", token)
            await tab.open(f"{url}/enter#{token}")
            await tab.until("document.querySelector('.line .count').textContent === '1/2'")

    visit(tmp_path, use)


def test_a_page_that_nobody_sees_holds_no_connection_and_catches_up_once_it_is_seen(tmp_path: Path) -> None:
    async def use(site: Site) -> None:
        streams = [0]

        async def counting(scope: Any, receive: Any, send: Any) -> None:
            is_stream = scope.get("path") == "/live"
            streams[0] += is_stream
            try:
                await site.app(scope, receive, send)
            finally:
                streams[0] -= is_stream

        async def until_streams(count: int) -> None:
            async def are_open() -> bool:
                return streams == [count]

            await until_async(are_open, within_s=10, what=f"{count} streams")

        async with browsing(site._replace(app=counting), tmp_path / "browser") as (tab, url):
            await let_in(site, tab, url)
            await tab.until("document.querySelector('.online').textContent === 'Connected'")
            await until_streams(1)
            for hidden in ("true", "false"):
                await tab.value(f"Object.defineProperty(document, 'hidden', {{ value: {hidden}, configurable: true }})")
                await tab.value("document.dispatchEvent(new Event('visibilitychange'))")
                await until_streams(int(hidden == "false"))
                mine = await site.order()
            await tab.until(f"document.querySelector('.to_pick').innerText.includes('{mine.partition(':')[2]}')")

    visit(tmp_path, use)


@pytest.mark.parametrize("status", [403, 502])
def test_what_a_proxy_says_is_no_answer_of_the_services(tmp_path: Path, status: int) -> None:
    async def use(site: Site) -> None:
        refused: list[str] = []

        async def proxy(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "http" and scope["path"] == "/step" and not refused:
                refused.append(scope["method"])
                await PlainTextResponse("the proxy's words", status)(scope, receive, send)
            else:
                await site.app(scope, receive, send)

        async with browsing(site._replace(app=proxy), tmp_path / "browser") as (tab, url):
            await let_in(site, tab, url)
            mine = await site.order()
            await tab.tap(f"li[id='{mine}'] button[value=claim]")
            if status == 502:
                await tab.until("document.querySelector('.online').textContent.includes('still to be sent: 1')")
                await tab.until(f"document.querySelector('h1').textContent.startsWith('{mine}')")
            else:
                await tab.until("document.querySelector('[role=alert]').textContent.includes(\"the proxy's words\")")
                await tab.tap("button.first[value=claim]")
                await tab.until(f"document.querySelector('h1').textContent.startsWith('{mine}')")

    visit(tmp_path, use)


def test_a_step_that_is_not_answered_keeps_no_other_order_waiting(tmp_path: Path) -> None:
    """One order's ledger may be away for long, and the shop goes on."""

    async def use(site: Site) -> None:
        mine, other = await site.order(), await site.order("bob")
        tries: list[bytes] = []

        async def proxy(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] != "http" or scope["path"] != "/step":
                await site.app(scope, receive, send)
                return
            said = await receive()
            if mine.replace(":", "%3A").encode() in said["body"]:
                tries.append(said["body"])
                await PlainTextResponse("away", 503)(scope, receive, send)
            else:
                again = [said]

                async def heard() -> Any:
                    return again.pop() if again else await receive()

                await site.app(scope, heard, send)

        async with browsing(site._replace(app=proxy), tmp_path / "browser") as (tab, url):
            await let_in(site, tab, url)
            await tab.tap(f"li[id='{mine}'] button[value=claim]")
            await tab.until("document.querySelector('.online').textContent.includes('still to be sent: 1')")
            await tab.tap(f"li[id='{other}'] button[value=claim]")
            await tab.until(f"document.querySelector('h1').textContent.startsWith('{other}')")

            async def is_tried_again() -> bool:
                return len(tries) > 1

            await until_async(is_tried_again, within_s=10, what="another try")
            assert len(set(tries)) == 1, "the same step"
            taken = {task.reservation_id: task.status for task in await tasks(site)}
            assert taken == {mine: PickStatus.TO_PICK, other: PickStatus.PICKING}

    visit(tmp_path, use)


def test_a_step_that_waited_and_is_refused_stays_to_be_seen(tmp_path: Path) -> None:
    """Goods that were handed over without network, of an order that was cancelled meanwhile, are out of the shop."""

    async def use(site: Site) -> None:
        mine, other = await site.order(), await site.order("bob")
        await site.client.mark_ready(mine)
        async with browsing(site, tmp_path / "browser") as (tab, url):
            await let_in(site, tab, url)
            await tab.open(f"{url}/task?id={mine}")
            await tab.until("document.querySelector('.online').textContent === 'Connected'")
            await tab.go_offline(offline=True)
            await tab.value("document.querySelector('input[name=payment]').value = 'card 7'")
            await tab.tap("button[value=hand_over]")
            await tab.until("document.querySelector('.online').textContent.includes('still to be sent: 1')")
            await site.client.release(mine, reason=ReleaseReason.CUSTOMER_CANCELLED)
            await tab.go_offline(offline=False)
            await tab.until("document.querySelector('#refused')?.innerText.includes('Hand over')")
            await tab.open(f"{url}/")
            await tab.tap(f"li[id='{other}'] button[value=claim]")
            await tab.until(f"document.querySelector('h1').textContent.startsWith('{other}')")
            said = await tab.value("document.querySelector('#refused').innerText")
            assert mine in said
            assert "not possible as the order stands now" in said
            await tab.tap("#refused button")
            assert not await tab.value("!!document.querySelector('#refused')")
            await tab.open(f"{url}/")
            assert not await tab.value("!!document.querySelector('#refused')"), "somebody has seen it"

    visit(tmp_path, use)


def test_a_customers_code_is_read_by_the_camera(tmp_path: Path) -> None:
    async def use(site: Site) -> None:
        mine = await site.order()
        await site.client.mark_ready(mine)
        film = tmp_path / "film.y4m"
        filmed((await site.client.get_pickup_code(mine)).code, film)
        shown = f"--use-file-for-fake-video-capture={film}"
        async with browsing(site, tmp_path / "browser", *CAMERA, shown) as (tab, url):
            await let_in(site, tab, url)
            await tab.tap("[data-camera]:not([hidden])")
            await tab.until(f"document.querySelector('#task h1').textContent.startsWith('{mine}')")
            assert not tab.complaints

    visit(tmp_path, use)


def filmed(code: str, film: Path) -> None:
    """A film of a QR code that a camera may show, YUV4MPEG2 in grey."""
    matrix = [list(row) for row in segno.make_qr(code, error="m").matrix_iter(scale=6, border=4)]
    width, height = len(matrix[0]) & ~1, len(matrix) & ~1
    grey = b"".join(bytes(0 if dark else 255 for dark in row[:width]) for row in matrix[:height])
    frame = b"FRAME\n" + grey + b"\x80" * (width * height // 2)
    film.write_bytes(f"YUV4MPEG2 W{width} H{height} F10:1 Ip A1:1 C420jpeg\n".encode() + frame * 10)


def test_a_lost_tablet_is_out_while_its_page_is_open(tmp_path: Path) -> None:
    async def use(site: Site) -> None:
        async with browsing(site, tmp_path / "browser") as (tab, url):
            await let_in(site, tab, url)
            await tab.until("document.querySelector('.online').textContent === 'Connected'")
            [device] = await site.client.list_devices()
            await site.client.revoke_device(device.device_id)
            await tab.until("location.pathname === '/enter'")

    visit(tmp_path, use)


@pytest.mark.parametrize("width", [320, 820, 2_560])
def test_it_fits_a_telephone_a_tablet_and_a_wall_in_the_light_and_in_the_dark(tmp_path: Path, width: int) -> None:
    async def use(site: Site) -> None:
        mine = await site.order("customer-with-a-very-long-name-of-sixty-four-characters-and-no-gap", a=2, b=1)
        for number in range(6):
            await site.order(f"c{number}")
        await site.client.note_arrival(mine, waits_at="parking bay 12, by the gate")
        pictures = os.environ.get("HOLDFAST_PICTURES")
        async with browsing(site, tmp_path / "browser") as (tab, url):
            await tab.tell(
                "Emulation.setDeviceMetricsOverride",
                width=width,
                height=width * 2 // 3 + 500,
                deviceScaleFactor=1,
                mobile=False,
            )
            await let_in(site, tab, url)
            for page in (url, f"{url}/task?id={mine}", f"{url}/short?id={mine}&sku=a"):
                await tab.open(page)
                for scheme in ("light", "dark"):
                    await tab.tell(
                        "Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}]
                    )
                    assert await tab.value("document.documentElement.scrollWidth") <= width, page
                    if pictures:
                        name = page.removeprefix(url).partition("?")[0].strip("/") or "board"
                        await tab.picture(Path(pictures) / f"{name}-{width}-{scheme}.png")

    visit(tmp_path, use)
