"""Who is let in: devices, each by the token in its cookie. The service is asked at each request, so that one that was
revoked sees nothing more from then on. One question is under way at a time, for all requests that came before it: who
tries tokens, or asks for pages without end, costs the service no more than that.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from starlette.requests import HTTPConnection
from starlette.responses import Response

from holdfast.client import ChannelClient, Device, Overloaded, digest_of

COOKIE: Final = "holdfast-device"
KEPT_S: Final = 400 * 86_400  # as long as browsers keep a cookie
TOKEN_CHARS_MAX: Final = 256
DIGESTS_MAX: Final = 1_024  # in one question


class Admitted(NamedTuple):
    """A device, and the digest of the token by which it was let in."""

    device: Device
    digest: bytes


class Doorkeeper:
    """Asks the service whose a token is. Both calls raise HoldfastError where it does not answer."""

    def __init__(self, client: ChannelClient, *, is_secure: bool) -> None:
        """`is_secure`: browsers are to send the cookie over TLS alone."""
        self._client = client
        self._is_secure = is_secure
        self._asked: set[bytes] = set()  # in the next question
        self._next: asyncio.Task[Mapping[bytes, Device]] | None = None
        self._last: asyncio.Task[Mapping[bytes, Device]] | None = None

    async def admit(self, token: str) -> Admitted | None:
        """Who has this token; None where nobody is let in by it."""
        token = token.strip()
        if not token or len(token) > TOKEN_CHARS_MAX:
            return None
        digest = digest_of(token)
        device = (await self._found(digest)).get(digest)
        return None if device is None else Admitted(device, digest)

    async def _found(self, digest: bytes) -> Mapping[bytes, Device]:
        """Who is let in by it, by digest, as of now or later; others may be there as well."""
        if len(self._asked) >= DIGESTS_MAX and digest not in self._asked:
            raise Overloaded("ask whose a token is", why=f"{DIGESTS_MAX} are asked for already")
        self._asked.add(digest)
        if self._next is None:
            self._next = asyncio.create_task(self._ask(self._last))
            self._next.add_done_callback(lambda done: done.cancelled() or done.exception())  # whoever still waits
        return await asyncio.shield(self._next)

    async def _ask(self, last: asyncio.Task[Mapping[bytes, Device]] | None) -> Mapping[bytes, Device]:
        if last is not None:
            await asyncio.wait([last])
        asked, self._asked = list(self._asked), set()
        self._last, self._next = self._next, None
        devices = await self._client.find_devices(asked)
        return {digest: device for digest, device in zip(asked, devices, strict=True) if device is not None}

    async def admit_by_cookie(self, request: HTTPConnection) -> Admitted | None:
        """Whose request this is."""
        return await self.admit(request.cookies.get(COOKIE, ""))

    async def let_in(self, digests: Sequence[bytes]) -> set[bytes]:
        """Which of these are still let in."""
        found: set[bytes] = set()
        for start in range(0, len(digests), DIGESTS_MAX):
            some = digests[start : start + DIGESTS_MAX]
            devices = await self._client.find_devices(some)
            found |= {digest for digest, device in zip(some, devices, strict=True) if device is not None}
        return found

    def renew(self, request: HTTPConnection, response: Response) -> None:
        """Have the browser keep for as long again what it has shown: a device that is used stays let in."""
        self.keep(request.cookies.get(COOKIE, ""), response)

    def keep(self, token: str, response: Response) -> None:
        """Have the browser show the token from here on; no script reads it, and no other site's page sends it."""
        response.set_cookie(
            COOKIE, token.strip(), max_age=KEPT_S, secure=self._is_secure, httponly=True, samesite="strict"
        )

    def forget(self, response: Response) -> None:
        """Have the browser forget it."""
        response.delete_cookie(COOKIE, secure=self._is_secure, httponly=True, samesite="strict")
