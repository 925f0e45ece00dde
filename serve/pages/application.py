"""The pages by their paths."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from holdfast.client import (
    ChannelClient,
    ClientClosed,
    HoldfastError,
    InvalidArgument,
    NotFound,
    Overloaded,
    Unavailable,
)
from serve.pages.boards import Boards
from serve.pages.customer import PAGE, PAGE_PATH, Customers
from serve.pages.doorkeeper import Admitted, Doorkeeper
from serve.pages.following import Following
from serve.pages.guard import Guard, form_of
from serve.pages.live import Streams, streamed
from serve.pages.rendering import LANGUAGE_COOKIE, STAMPS, STATIC, Rendering
from serve.pages.tablet import HOME, TASK, Tablet
from serve.pages.visits import Visits

ENTER: Final = "/enter"
PAGES_OF_CUSTOMERS: Final = "/p/"
SCRIPT: Final = "holdfast-script"  # the header of what our scripts ask for
_LANGUAGE_KEPT_S: Final = 400 * 86_400
_COMPRESS_FROM_BYTES: Final = 1_024
_COMPRESS_LEVEL: Final = 4  # of 500 tasks a tenth is left, as at 9, at a third of the time

log = logging.getLogger("holdfast.pages")

# Asked again it may be answered: browsers keep a step, and send it again. Whatever else is raised stands.
AWAY: Final = (Unavailable, Overloaded, ClientClosed)

Page = Callable[[Request, Admitted], Awaitable[Response]]


class Pages:
    """Answers requests. `client` reaches the service."""

    def __init__(self, client: ChannelClient, public_url: str) -> None:
        self._rendering = Rendering()
        self._doorkeeper = Doorkeeper(client, is_secure=urlsplit(public_url).scheme == "https")
        self._streams = Streams(self._doorkeeper.let_in)
        self._boards = Boards(client, self._streams)
        self._visits = Visits()
        self._visited = Following(client, self._visits)
        tablet = Tablet(client, self._boards, self._rendering)
        customers = Customers(client, self._visits, self._rendering)
        self.routes: Final = [
            Route(HOME, self._for_devices(tablet.home)),
            Route(TASK, self._for_devices(tablet.task)),
            Route("/short", self._for_devices(tablet.short)),
            Route("/missing", self._for_devices(tablet.missing)),
            Route("/scan", self._for_devices(tablet.scanned), methods=["POST"]),
            Route("/step", self._for_devices(tablet.step), methods=["POST"]),
            Route(ENTER, self._enter_form, methods=["GET"]),
            Route(ENTER, self._enter, methods=["POST"]),
            Route("/leave", self._leave, methods=["POST"]),
            Route("/language", self._choose_language, methods=["POST"]),
            Route("/live", self._for_devices(self._live)),
            Route("/admitted", self._for_devices(_admitted)),
            Route(PAGE, customers.page),
            Route(f"{PAGE}/step", customers.step, methods=["POST"]),
            Route(f"{PAGE}/code.svg", customers.code),
            Route(f"{PAGE}/receipt", customers.receipt),
            Route(f"{PAGE}/live", customers.live),
            Route("/health", _health),
            Route("/static/{stamp}/{name}", _static),
        ]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """While requests are answered."""
        running = [
            asyncio.create_task(each) for each in (self._streams.watch(), self._boards.follow(), self._visited.run())
        ]
        try:
            yield
        finally:
            for each in running:
                each.cancel()
                with suppress(asyncio.CancelledError):
                    await each
            await self._boards.close()
            await self._visited.close()

    async def failed(self, request: Request, error: Exception) -> Response:
        """What is said of a request that cannot be answered."""
        if isinstance(error, HoldfastError):
            log.warning("%s", error, extra={"path": _sayable(request.url.path)})
        if isinstance(error, AWAY):
            return self._failed(request, HTTPStatus.SERVICE_UNAVAILABLE, "away")
        status: int = HTTPStatus.INTERNAL_SERVER_ERROR
        if isinstance(error, HTTPException | NotFound | InvalidArgument):
            status = getattr(error, "status_code", HTTPStatus.NOT_FOUND)
        name = "not_found" if status == HTTPStatus.NOT_FOUND else "bad_request" if status < 500 else "fault"
        return self._failed(request, status, name)

    def _failed(self, request: Request, status: int, name: str) -> Response:
        known = {"name": name, "device": None, "has_home": not request.url.path.startswith(PAGES_OF_CUSTOMERS)}
        return self._rendering.page(request, "failed.html", known, status)

    def _for_devices(self, page: Page) -> Callable[[Request], Awaitable[Response]]:
        """A page that nobody sees without a device's token."""

        async def answer(request: Request) -> Response:
            admitted = await self._doorkeeper.admit_by_cookie(request)
            is_page = request.headers.get("accept", "").startswith("text/html")
            if admitted is not None:
                response = await page(request, admitted)
                # Not with what a script asks for: that may come in behind the form by which the device leaves. Of that
                # browsers say so over TLS, and our scripts everywhere.
                kind = "" if SCRIPT in request.headers else request.headers.get("sec-fetch-dest", "document")
                if is_page and kind == "document":
                    self._doorkeeper.renew(request, response)
                return response
            if is_page:
                return RedirectResponse(ENTER, HTTPStatus.SEE_OTHER)
            return PlainTextResponse("not let in", HTTPStatus.UNAUTHORIZED)

        return answer

    async def _enter_form(self, request: Request) -> Response:
        return self._rendering.page(request, "enter.html", {"device": None, "is_refused": False})

    async def _enter(self, request: Request) -> Response:
        token = (await form_of(request)).get("token", "")
        if await self._doorkeeper.admit(token) is None:
            known = {"device": None, "is_refused": True}
            return self._rendering.page(request, "enter.html", known, HTTPStatus.FORBIDDEN)
        response = RedirectResponse(HOME, HTTPStatus.SEE_OTHER)
        self._doorkeeper.keep(token, response)
        return response

    async def _leave(self, request: Request) -> Response:
        del request
        response = RedirectResponse(ENTER, HTTPStatus.SEE_OTHER)
        self._doorkeeper.forget(response)
        return response

    async def _choose_language(self, request: Request) -> Response:
        form = await form_of(request)
        language, back = form.get("language", ""), form.get("back", "")
        if not self._rendering.has(language):
            raise HTTPException(HTTPStatus.BAD_REQUEST)
        response = RedirectResponse(back if PAGE_PATH.fullmatch(back) else HOME, HTTPStatus.SEE_OTHER)
        response.set_cookie(LANGUAGE_COOKIE, language, max_age=_LANGUAGE_KEPT_S, samesite="strict")
        return response

    async def _live(self, request: Request, admitted: Admitted) -> Response:
        del request
        return await streamed(self._streams.messages(admitted))


def application(client: ChannelClient, public_url: str) -> ASGIApp:
    """The pages as an application of ASGI. `public_url` is where devices find them."""
    pages = Pages(client, public_url)
    answering = Starlette(
        routes=pages.routes,
        middleware=[Middleware(GZipMiddleware, minimum_size=_COMPRESS_FROM_BYTES, compresslevel=_COMPRESS_LEVEL)],
        exception_handlers={HTTPException: pages.failed, HoldfastError: pages.failed, Exception: pages.failed},
        lifespan=lambda _: pages.running(),
    )
    return Guard(answering, public_url)  # around all of it, what goes wrong included


def _sayable(path: str) -> str:
    """A path as it may stand in a log: whoever has a customer's link acts for him."""
    return PAGES_OF_CUSTOMERS if path.startswith(PAGES_OF_CUSTOMERS) else path


async def _admitted(request: Request, admitted: Admitted) -> Response:
    del request, admitted
    return PlainTextResponse("let in")


async def _health(request: Request) -> Response:
    del request
    return PlainTextResponse("here")


async def _static(request: Request) -> Response:
    """A part of a page; browsers keep it for as long as its stamp is this one."""
    name = request.path_params["name"]
    if STAMPS.get(name) != request.path_params["stamp"]:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return FileResponse(STATIC / name, headers={"cache-control": "public, max-age=31536000, immutable"})
