"""The pages as a browser meets them: who is let in, what each answer says, and what becomes of forms."""

import re
from pathlib import Path
from typing import Final

import grpc
import pytest

from holdfast.client import make_token
from serve.pages.doorkeeper import COOKIE
from serve.pages.guard import FORM_BYTES_MAX, POLICY
from serve.pages.rendering import STAMPS, read_messages
from tests.clients.faults import Refuse
from tests.gateway.browser import URL, Site, visit

INLINE: Final = re.compile(r"<script>|<style|\s(style|on[a-z]+)=", re.IGNORECASE)


def test_nothing_is_seen_without_a_token(tmp_path: Path) -> None:
    async def use(site: Site) -> None:
        stranger = site.browser()
        assert (await stranger.get("/")).path == "/enter"
        for path in ("/", "/live", "/admitted"):
            assert (await stranger.get(path, accept="*/*")).status == 401
        stranger.cookies[COOKIE] = make_token()
        assert (await stranger.get("/")).path == "/enter", "a token of nobody's"
        stranger.cookies[COOKIE] = "x" * 5_000
        assert (await stranger.get("/")).path == "/enter"
        refused = await stranger.post("/enter", {"token": make_token()})
        assert (refused.status, "No device is let in by this token" in refused.text) == (403, True)

    visit(tmp_path, use)


def test_a_device_is_let_in_until_it_is_revoked_and_its_token_is_for_no_script(tmp_path: Path) -> None:
    async def use(site: Site) -> None:
        tablet = await site.admitted()
        assert "s1 · tablet-1" in (await tablet.get("/")).text
        first, renewed = tablet.set_cookies
        assert renewed == first, "it is kept as long again by whoever uses it"
        assert "HttpOnly" in first
        assert "SameSite=strict" in first
        assert "Secure" not in first
        await tablet.get("/", **{"sec-fetch-dest": "empty"})
        await tablet.get("/", **{"holdfast-script": "1"})
        await tablet.get("/admitted", accept="*/*")
        assert len(tablet.set_cookies) == 2, "but not by what a script asks for"
        [device] = await site.client.list_devices()
        await site.client.revoke_device(device.device_id)
        assert (await tablet.get("/")).path == "/enter"
        assert (await tablet.get("/admitted", accept="*/*")).status == 401

    visit(tmp_path, use)


def test_over_tls_the_token_goes_over_tls_alone(tmp_path: Path) -> None:
    async def use(site: Site) -> None:
        tablet = await site.admitted()
        assert "Secure" in tablet.set_cookies[0]
        await tablet.post("/leave", {})
        assert COOKIE not in tablet.cookies

    visit(tmp_path, use, URL.replace("http:", "https:"))


def test_a_page_that_is_open_hears_that_its_device_is_revoked_and_nothing_after(tmp_path: Path) -> None:
    async def use(site: Site) -> None:
        tablet, other = await site.admitted(), await site.admitted("tablet-2")
        async with tablet.opened("GET", "/live") as mine, other.opened("GET", "/live") as others:
            assert await mine.part() == await others.part() == b"retry: 2000\n\n"
            [device, _] = await site.client.list_devices("s1")
            await site.client.revoke_device(device.device_id)
            assert [part async for part in mine.parts()][-1] == b"event: gone\ndata: 1\n\n"
            assert (await other.get("/admitted")).status == 200
            await site.order()
            assert b"event: changed" in (await others.part() or b"")

    visit(tmp_path, use)


def test_every_answer_says_that_our_own_scripts_alone_may_run(tmp_path: Path) -> None:
    async def use(site: Site) -> None:
        tablet = await site.admitted()
        stamp = STAMPS["pages.js"]
        for path, status in (
            *(("/", 200), ("/enter", 200), ("/health", 200), ("/nowhere", 404), ("/admitted", 200)),
            *((f"/static/{stamp}/pages.js", 200), ("/static/0/pages.js", 404), (f"/static/{stamp}/../x", 404)),
        ):
            answer = await tablet.get(path)
            assert answer.status == status, path
            assert answer.headers["content-security-policy"] == POLICY
            assert answer.headers["x-content-type-options"] == "nosniff"
            kept = path.startswith("/static/") and status == 200
            assert answer.headers["cache-control"] == ("public, max-age=31536000, immutable" if kept else "no-store")
            assert not INLINE.search(answer.text) or path.startswith("/static/")

    visit(tmp_path, use)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 303),
        ({"sec-fetch-site": ""}, 303),
        ({"origin": ""}, 303),
        ({"origin": "", "sec-fetch-site": ""}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": "none"}, 403),
        ({"origin": "https://evil.example", "sec-fetch-site": ""}, 403),
        ({"origin": "null", "sec-fetch-site": ""}, 403),
        ({"host": "127.0.0.1:81"}, 303),
        ({"content-type": "text/plain"}, 415),
    ],
)
def test_forms_are_our_own(tmp_path: Path, headers: dict[str, str], status: int) -> None:
    async def use(site: Site) -> None:
        tablet = await site.admitted()
        assert (await tablet.post("/language", {"language": "de"}, **headers)).status == status

    visit(tmp_path, use)


def test_forms_are_bounded_and_what_is_none_is_said_so(tmp_path: Path) -> None:
    async def use(site: Site) -> None:
        tablet = await site.admitted()
        assert (await tablet.post("/enter", {"token": "x" * FORM_BYTES_MAX})).status == 413
        assert (await tablet.post("/enter", {str(each): "" for each in range(99)})).status == 400
        assert (await tablet.post("/language", {"language": "xx"})).status == 400
        own = {"content-type": "application/x-www-form-urlencoded", "origin": URL}
        assert (await tablet.send("POST", "/enter", b"token=%ff", own)).status == 400
        assert (await tablet.send("POST", "/enter", b"\xff", own)).status == 400
        assert (await tablet.send("PUT", "/", b"", own)).status == 405

    visit(tmp_path, use)


def test_a_page_is_in_the_language_that_was_chosen_or_that_the_browser_asks_for(tmp_path: Path) -> None:
    async def use(site: Site) -> None:
        browser = site.browser()
        headers = {"accept-language": "fr, de-AT;q=0.8, en;q=0.5"}
        assert '<html lang="de">' in (await browser.get("/enter", **headers)).text
        await browser.post("/language", {"language": "en"})
        assert '<html lang="en">' in (await browser.get("/enter", **headers)).text
        assert '<html lang="en">' in (await site.browser().get("/enter")).text

    visit(tmp_path, use)


def test_a_hostile_name_is_shown_as_it_was_typed(tmp_path: Path) -> None:
    async def use(site: Site) -> None:
        tablet = await site.admitted("<script>alert(1)</script>")
        text = (await tablet.get("/")).text
        assert "<script>alert" not in text
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text

    visit(tmp_path, use)


def test_a_service_that_does_not_answer_is_said_to_be_away(tmp_path: Path) -> None:
    async def use(site: Site) -> None:
        tablet = await site.admitted()
        site.service.faults["FindDevices"].extend([Refuse(grpc.StatusCode.UNAVAILABLE)] * 1_000)
        answer = await tablet.get("/")
        assert (answer.status, "The service does not answer" in answer.text) == (503, True)
        assert answer.headers["content-security-policy"] == POLICY

    visit(tmp_path, use, call_ms=200)


def test_messages_are_the_same_in_each_language() -> None:
    messages = read_messages()
    assert set(messages) == {"de", "en"}
    names = {language: {name: _holes(text) for name, text in rows.items()} for language, rows in messages.items()}
    assert names["de"] == names["en"]


def _holes(text: str) -> list[str]:
    return sorted(part.partition("}")[0] for part in text.split("{")[1:])
