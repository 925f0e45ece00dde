"""The tablets of a shop: they send the forms of its pages as browsers do, with the token of their device in a cookie,
and again with the same key where no answer came.
"""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from time import perf_counter
from typing import Final, NamedTuple
from urllib.parse import parse_qs, urlencode, urlsplit

STEP: Final = "/step"
LOCATION: Final = "location:"
COOKIE: Final = "holdfast-device"
ANSWER_S_MAX: Final = 45.0  # over all attempts: longer than a restart of an actor or of the pages takes
ATTEMPT_S_MAX: Final = 10.0
AGAIN_S: Final = 0.2


class NotTapped(Exception):
    """The pages did not answer, or said what nobody who works with them can go on with."""


class Said(NamedTuple):
    """What the pages answered: a step that was taken leads to its task, of that reservation."""

    status: int
    path: str = ""

    @property
    def is_taken(self) -> bool:
        """Whether the step was taken; else it was refused."""
        return self.status == HTTPStatus.SEE_OTHER

    @property
    def reservation_id(self) -> str:
        """Which task it leads to, empty where it was refused."""
        return parse_qs(urlsplit(self.path).query).get("id", [""])[0]


class Tablet:
    """One of them. `name` is its device's. It waits for `again_s` before it sends a form again."""

    def __init__(self, url: str, name: str, token: str, again_s: float = AGAIN_S) -> None:
        self.name = name
        self._again_s = again_s
        where = urlsplit(url)
        self._host, self._port = where.hostname or "", where.port or 80
        self._headers = {
            "Host": where.netloc,
            "Accept": "text/html",
            "Content-Type": "application/x-www-form-urlencoded",
            "Cookie": f"{COOKIE}={token}",
            "Origin": url,
            "Sec-Fetch-Site": "same-origin",
            "Connection": "close",
        }

    async def step(self, step: str, key: str, **fields: str) -> Said:
        """A step, by a form with this key. Raises NotTapped."""
        form = {"step": step, "key": key, **fields}
        deadline, why = perf_counter() + ANSWER_S_MAX, ""
        said = Said(HTTPStatus.SERVICE_UNAVAILABLE)
        while said.status == HTTPStatus.SERVICE_UNAVAILABLE:
            if perf_counter() > deadline:
                raise NotTapped(f"{self.name} was not answered within {ANSWER_S_MAX:g} s: {why}")
            try:
                async with asyncio.timeout(ATTEMPT_S_MAX):
                    said = await self._send_once(form)
            except (OSError, ValueError) as error:  # a time-out and a broken answer among them
                why = repr(error)
            if said.status == HTTPStatus.SERVICE_UNAVAILABLE:
                await asyncio.sleep(self._again_s)
        if said.status not in (HTTPStatus.SEE_OTHER, HTTPStatus.CONFLICT) or (
            said.is_taken and not said.reservation_id
        ):
            raise NotTapped(f"{self.name} was answered {said} to {form}")
        return said

    async def step_twice(self, step: str, key: str, **fields: str) -> tuple[Said, Said]:
        """A double tap: the same form, twice at once."""
        first, second = await asyncio.gather(self.step(step, key, **fields), self.step(step, key, **fields))
        return first, second

    async def _send_once(self, form: Mapping[str, str]) -> Said:
        """Raises OSError, and ValueError where the answer is not whole."""
        body = urlencode(form).encode()
        headers = "".join(f"{name}: {value}\r\n" for name, value in self._headers.items())
        reader, writer = await asyncio.open_connection(self._host, self._port)
        try:
            writer.write(f"POST {STEP} HTTP/1.1\r\n{headers}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            head, end, _ = (await reader.read()).decode().partition("\r\n\r\n")
        finally:
            writer.close()
        status, *lines = head.split("\r\n")
        if not end:
            raise ValueError(f"an answer of {len(head)} characters")
        location = next((line[len(LOCATION) :].strip() for line in lines if line.lower().startswith(LOCATION)), "")
        return Said(int(status.split()[1]), location)
