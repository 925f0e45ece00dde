"""A real browser in a test's hands: Chromium without a screen, told what to do over its DevTools protocol."""

import asyncio
import json
import os
import shutil
import subprocess
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import uvicorn
from websockets.asyncio.client import ClientConnection, connect

from tests.gateway.browser import Site

WAIT_MS: Final = 10_000
LOADS_MAX: Final = 5
START_S: Final = 30.0
_NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_MESSAGE_BYTES_MAX: Final = 64 << 20


def chromium() -> str:
    """The path of the system's; empty where there is none. HOLDFAST_CHROMIUM names another."""
    found = [os.environ.get("HOLDFAST_CHROMIUM", ""), *(shutil.which(name) or "" for name in _NAMES)]
    return next(filter(None, found), "")


class Left(Exception):
    """The page was left meanwhile."""


class Tab:
    """One page of the browser."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._number = 0
        self.complaints: list[str] = []  # what the console was told as an error

    async def tell(self, method: str, **given: Any) -> dict[str, Any]:
        """A command of the protocol, and its answer."""
        self._number += 1
        await self._connection.send(json.dumps({"id": self._number, "method": method, "params": given}))
        while True:
            said = json.loads(await self._connection.recv())
            if said.get("method") in ("Log.entryAdded", "Runtime.exceptionThrown"):
                entry = said["params"].get("entry", said["params"])
                if entry.get("level", "error") == "error":
                    self.complaints.append(json.dumps(entry)[:500])
            if said.get("id") == self._number:
                if "error" in said:
                    raise Left(said["error"])
                result: dict[str, Any] = said["result"]
                return result

    async def value(self, expression: str) -> Any:
        """What an expression comes to in the page, once it is there."""
        told = await self.tell("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in told, told["exceptionDetails"]
        return told["result"].get("value")

    async def until(self, condition: str) -> Any:
        """Wait until a condition holds in the page, over loads of it; what it came to."""
        polls = f"""new Promise((done) => {{
            const began = Date.now();
            const look = () => {{
              let found = null;
              try {{ found = !!({condition}); }} catch {{}}
              if (found || Date.now() - began > {WAIT_MS}) done(found); else setTimeout(look, 30);
            }};
            look();
        }})"""
        found = None
        for _ in range(LOADS_MAX):
            with suppress(Left):
                found = await self.value(polls)
                break
        assert found, f"not so within {WAIT_MS} ms: {condition}; {await self.value('document.body.innerText')}"
        return found

    async def open(self, url: str) -> None:
        await self.tell("Page.navigate", url=url)
        await self.until("document.readyState === 'complete'")

    async def tap(self, selector: str, times: int = 1) -> None:
        """Tap what is shown there, so many times at once."""
        await self.until(f"document.querySelector({json.dumps(selector)})")
        taps = f"for (let i = 0; i < {times}; i++) document.querySelector({json.dumps(selector)}).click()"
        await self.value(taps)

    async def type(self, text: str) -> None:
        """Type as a hand scanner does, wherever the focus is, with Enter at the end."""
        for character in text:
            await self.tell("Input.dispatchKeyEvent", type="keyDown", text=character, key=character)
            await self.tell("Input.dispatchKeyEvent", type="keyUp", key=character)
        for kind in ("keyDown", "keyUp"):
            await self.tell("Input.dispatchKeyEvent", type=kind, key="Enter", text="\r", windowsVirtualKeyCode=13)

    async def go_offline(self, *, offline: bool) -> None:
        """Take the network away, or give it back."""
        rates = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
        await self.tell("Network.emulateNetworkConditions", offline=offline, **rates)

    async def picture(self, path: Path) -> None:
        """Draw what is shown."""
        told = await self.tell("Page.captureScreenshot", format="png")
        path.write_bytes(b64decode(told["data"]))  # noqa: ASYNC240  # nobody else runs meanwhile


@asynccontextmanager
async def browsing(site: Site, folder: Path, *arguments: str) -> AsyncIterator[tuple[Tab, str]]:
    """A tab, and where the pages are. `arguments` are of the browser."""
    server = uvicorn.Server(
        uvicorn.Config(site.app, port=0, log_config=None, timeout_graceful_shutdown=1, lifespan="off")
    )
    serving = asyncio.create_task(server.serve())
    async with asyncio.timeout(START_S):
        while not server.started:  # noqa: ASYNC110  # it has no event of its own
            await asyncio.sleep(0)
    port = server.servers[0].sockets[0].getsockname()[1]
    process = subprocess.Popen(  # noqa: ASYNC220  # which takes no time
        [
            *(chromium(), "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
            *(
                "--remote-debugging-port=0",
                f"--user-data-dir={folder}",
                "--no-first-run",
                "--lang=en",
                *arguments,
                "about:blank",
            ),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        async with connect(await _tab_of(folder), max_size=_MESSAGE_BYTES_MAX) as connection:
            tab = Tab(connection)
            for domain in ("Page", "Runtime", "Log", "Network"):
                await tab.tell(f"{domain}.enable")
            yield tab, f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()
        server.should_exit = True
        await serving


async def _tab_of(folder: Path) -> str:
    """The address of a new browser's tab, which it writes into its folder."""
    note = folder / "DevToolsActivePort"
    async with asyncio.timeout(START_S):
        while not note.exists() or len(note.read_text().splitlines()) < 2:  # noqa: ASYNC110  # another's process writes it
            await asyncio.sleep(0)
    port = note.read_text().splitlines()[0]
    reader, writer = await asyncio.open_connection("127.0.0.1", int(port))
    writer.write(f"GET /json/list HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(next(each for each in head.lower().split(b"\r\n") if each.startswith(b"content-length:"))[15:])
    tabs = json.loads(await reader.readexactly(length))
    writer.close()
    await writer.wait_closed()
    found = next(each["webSocketDebuggerUrl"] for each in tabs if each["type"] == "page")
    assert urlsplit(found).scheme == "ws"
    return str(found)
