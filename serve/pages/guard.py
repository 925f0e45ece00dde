"""What every request to the pages and every answer goes through: no other site's page posts here, nothing is larger
than a form, and browsers are told to run our own scripts alone.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

FORM_BYTES_MAX: Final = 16_384
FORM_FIELDS_MAX: Final = 64
# What a device that was let in sends of a task of as many lines as there may be, in SKUs as long as they may be.
TASK_FORM_BYTES_MAX: Final = 131_072
TASK_FORM_FIELDS_MAX: Final = 128
_SAFE: Final = frozenset({"GET", "HEAD"})
# Photos of products stand where the operator's table says; all else is ours.
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https:; connect-src 'self'; "
    "manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    # Without our origin in the headers of our own forms they could not be told from others'.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "x-robots-tag": "noindex, nofollow, noarchive",
    "permissions-policy": "camera=(self), microphone=(), geolocation=()",
}


class Guard:
    """Refuses what another site's page has a browser send, and adds headers to each answer. `public_url` is where
    devices find the pages, which a proxy may have replaced in the header of the host.
    """

    def __init__(self, app: ASGIApp, public_url: str) -> None:
        self._app = app
        self._hosts = {urlsplit(public_url).netloc}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(_HEADERS)
                headers.setdefault("cache-control", "no-store")
            await send(message)

        if scope["method"] not in _SAFE and self._is_foreign(Headers(scope=scope)):
            refusal = PlainTextResponse("sent by another site's page, and refused", HTTPStatus.FORBIDDEN)
            await refusal(scope, receive, guarded)
            return
        await self._app(scope, receive, guarded)

    def _is_foreign(self, headers: Mapping[str, str]) -> bool:
        """Whether a form is none of our own pages'. Browsers say so by two headers, each of which some leave out."""
        if "sec-fetch-site" in headers and headers["sec-fetch-site"] != "same-origin":
            return True
        if "origin" in headers:
            return _host_of(headers["origin"]) not in self._hosts | {headers.get("host", "")}
        return "sec-fetch-site" not in headers


def _host_of(origin: str) -> str | None:
    """Where a page is from; None where that cannot be read."""
    try:
        return urlsplit(origin).netloc or None
    except ValueError:
        return None


async def form_of(
    request: Request, bytes_max: int = FORM_BYTES_MAX, fields_max: int = FORM_FIELDS_MAX
) -> dict[str, str]:
    """The fields of a form, of each the last. Raises HTTPException where it is none, or too large."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise HTTPException(HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > bytes_max:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    try:
        rows = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=fields_max, errors="strict")
    except ValueError as error:
        raise HTTPException(HTTPStatus.BAD_REQUEST) from error
    return dict(rows)
