"""A browser in a test's hands, without a screen: it asks the pages by ASGI, keeps cookies, and sends forms."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from html.parser import HTMLParser
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar
from urllib.parse import urlencode, urlsplit

from holdfast.client import ChannelClient, Reservation, Timeouts, make_token
from serve.pages.application import application
from tests.clients.service import Service
from tests.clients.serving import QUICK, serving
from tests.runtime.runtime_fixture import WAIT_S

T = TypeVar("T")

URL: Final = "http://pages.example:8080"
HTML: Final = {"accept": "text/html,application/xhtml+xml"}


class Answer(NamedTuple):
    """What a request came to."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def path(self) -> str:
        """Where it leads."""
        return self.headers["location"]


class Browser:
    """One browser. `app` is the pages."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.cookies: dict[str, str] = {}
        self.set_cookies: list[str] = []

    async def get(self, path: str, **headers: str) -> Answer:
        return await self.send("GET", path, b"", HTML | headers)

    async def tap(self, shown: Answer, step: str, **typed: str) -> Answer:
        """Tap the first button of this step on what is shown, with what was typed, and go where that leads."""
        form = next(each for each in forms_of(shown.text) if ("step", step) in each.buttons)
        return await self.follow(await self.post(form.action, form.fields | typed | {"step": step}))

    async def follow(self, answer: Answer) -> Answer:
        """What is there, where an answer leads."""
        return await self.get(answer.path) if answer.status == 303 else answer

    async def post(self, path: str, form: dict[str, str], **headers: str) -> Answer:
        """Send a form of this site's."""
        own = {"content-type": "application/x-www-form-urlencoded", "origin": URL, "sec-fetch-site": "same-origin"}
        return await self.send("POST", path, urlencode(form).encode(), HTML | own | headers)

    async def send(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        """Send anything. A header that is empty is left out."""
        async with self.opened(method, path, body, headers) as stream:
            parts = [part async for part in stream.parts()]
        return Answer(stream.status, stream.headers, b"".join(parts).decode())

    @asynccontextmanager
    async def opened(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> "AsyncIterator[Stream]":
        """An answer that is read as it comes, until the block ends: then the browser is gone."""
        parts = urlsplit(path)
        sent = {"host": urlsplit(URL).netloc, **(headers or {})}
        if self.cookies:
            sent["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "scheme": "http",
            "method": method,
            "path": parts.path,
            "raw_path": parts.path.encode(),
            "root_path": "",
            "query_string": parts.query.encode(),
            "client": ("127.0.0.1", 1),
            "server": ("pages", 80),
            "headers": [(name.encode(), value.encode()) for name, value in sent.items() if value],
        }
        stream = Stream(body)
        answering = asyncio.create_task(self.app(scope, stream.receive, stream.send))
        try:
            await stream.begun(answering)
            self._keep(stream.raw)
            yield stream
        finally:
            stream.gone.set()
            await asyncio.wait([answering], timeout=WAIT_S)
            if answering.done():
                answering.result()  # what the application raises is the test's
            answering.cancel()

    def _keep(self, raw: list[tuple[bytes, bytes]]) -> None:
        for name, value in raw:
            if name == b"set-cookie":
                self.set_cookies.append(value.decode())
                for key, morsel in SimpleCookie(value.decode()).items():
                    self.cookies.pop(key, None)
                    if morsel["max-age"] != "0":
                        self.cookies[key] = morsel.value


class Form(NamedTuple):
    """A form of a page: what it sends whatever is typed, and the names and values of its buttons."""

    action: str
    fields: dict[str, str]
    buttons: list[tuple[str, str]]


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[Form] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.found.append(Form(given.get("action", ""), {}, []))
        elif tag == "input" and given.get("type") != "checkbox" and "name" in given:
            self.found[-1].fields[given["name"]] = given.get("value", "")
        elif tag == "button" and "name" in given:
            self.found[-1].buttons.append((given["name"], given.get("value", "")))


def forms_of(text: str) -> list[Form]:
    """The forms of a page."""
    parser = _Forms()
    parser.feed(text)
    return parser.found


class Stream:
    """One answer as it comes."""

    def __init__(self, body: bytes) -> None:
        self.status, self.headers, self.raw = 0, dict[str, str](), list[tuple[bytes, bytes]]()
        self.gone = asyncio.Event()
        self._body: bytes | None = body
        self._started = asyncio.Event()
        self._parts: asyncio.Queue[bytes | None] = asyncio.Queue(1_024)

    async def receive(self) -> dict[str, Any]:
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status, self.raw = message["status"], message["headers"]
            self.headers = {name.decode(): value.decode() for name, value in self.raw}
            self._started.set()
            return
        if part := message.get("body", b""):
            self._parts.put_nowait(part)
        if not message.get("more_body"):
            self._parts.put_nowait(None)

    async def begun(self, answering: "asyncio.Task[None]") -> None:
        """Once the status is there."""
        started = asyncio.create_task(self._started.wait())
        await asyncio.wait([started, answering], timeout=WAIT_S, return_when=asyncio.FIRST_COMPLETED)
        started.cancel()
        if not self.status:
            answering.result()

    async def parts(self) -> AsyncIterator[bytes]:
        """What comes, until the end."""
        while (part := await self.part()) is not None:
            yield part

    async def part(self) -> bytes | None:
        """The next that comes, None at the end."""
        async with asyncio.timeout(WAIT_S):
            return await self._parts.get()


class Site(NamedTuple):
    """Pages over a service, and a client beside them."""

    service: Service
    client: ChannelClient
    app: Any

    async def order(self, customer_id: str = "ann", store_id: str = "s1", **units: int) -> str:
        """The id of a reservation that was confirmed: two of a, unless said otherwise."""
        lines = list((units or {"a": 2}).items())
        held = await self.client.reserve(store_id, lines, customer_id=customer_id, channel="web")
        assert isinstance(held, Reservation), held
        confirmed = await self.client.confirm(held.reservation_id)
        assert isinstance(confirmed, Reservation), confirmed
        return confirmed.reservation_id

    def browser(self) -> Browser:
        return Browser(self.app)

    async def admitted(self, name: str = "tablet-1", store_id: str = "s1") -> Browser:
        """The browser of a device that was let in."""
        token = make_token()
        await self.client.add_device(store_id, name, token)
        browser = self.browser()
        assert (await browser.post("/enter", {"token": token})).path == "/"
        return browser


def visit(
    folder: Path,
    use: Callable[[Site], Awaitable[T]],
    url: str = URL,
    call_ms: int = 10_000,
    directions: dict[str, str] | None = None,
) -> T:
    """Run `use` with pages over a service of three shops, s1 to s3, of which s1 has some of a and b. A call is tried
    for `call_ms`. `directions` say by shop how one finds it.
    """

    async def main() -> T:
        with Service(folder) as service:
            service.pages_url, service.directions = url, directions or {}
            for store_id, stock in (("s1", {"a": 99, "b": 9}), ("s2", {"a": 9}), ("s3", {})):
                service.shop(store_id, stock)
            service.policy(picks=True)
            async with (
                serving(service) as target,
                ChannelClient(target, retry=QUICK, timeouts=Timeouts(call_ms=call_ms)) as client,
            ):
                app: Any = application(client, url)
                async with _lifespan(app):
                    return await use(Site(service, client, app))

    return asyncio.run(main())


@asynccontextmanager
async def _lifespan(app: Any) -> AsyncIterator[None]:
    """As a server begins and ends an application."""
    said: asyncio.Queue[dict[str, str]] = asyncio.Queue(2)
    heard: asyncio.Queue[dict[str, str]] = asyncio.Queue(2)
    running = asyncio.create_task(app({"type": "lifespan", "asgi": {"version": "3.0"}}, said.get, heard.put))
    for name in ("startup", "shutdown"):
        said.put_nowait({"type": f"lifespan.{name}"})
        async with asyncio.timeout(WAIT_S):
            assert (await heard.get())["type"] == f"lifespan.{name}.complete"
        if name == "startup":
            try:
                yield
            except BaseException:
                running.cancel()
                raise
    await running
