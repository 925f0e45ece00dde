"""Templates and messages, in the reader's language. Whatever customers or staff have typed is escaped."""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

HERE: Final = Path(__file__).parent
STATIC: Final = HERE / "static"
LANGUAGE_COOKIE: Final = "holdfast-language"
_STAMP_CHARS: Final = 12
# A page asks for its parts by their stamps, so that one that is open over an upgrade never mixes two versions.
STAMPS: Final = {
    path.name: hashlib.sha256(path.read_bytes()).hexdigest()[:_STAMP_CHARS] for path in sorted(STATIC.iterdir())
}


def read_messages() -> dict[str, dict[str, str]]:
    """Message by name, by language."""
    files = sorted((HERE / "messages").glob("*.json"))
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in files}


def _utc(at_ms: int) -> str:
    """An instant for browsers without our script, which puts it into the device's own zone."""
    return f"{datetime.fromtimestamp(at_ms / 1_000, UTC):%d.%m. %H:%M} UTC"


class Rendering:
    """Renders the templates."""

    def __init__(self) -> None:
        self._messages = read_messages()
        self._environment = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals["static"] = lambda name: f"/static/{STAMPS[name]}/{name}"
        self._environment.globals["languages"] = tuple(self._messages)
        self._environment.filters["utc"] = _utc

    def language_of(self, request: Request) -> str:
        """What was chosen; else the first that the browser asks for and that there is."""
        asked = [request.cookies.get(LANGUAGE_COOKIE, "")]
        asked += [each.partition(";")[0].strip() for each in request.headers.get("accept-language", "").split(",")]
        known = (each.partition("-")[0].lower() for each in asked)
        return next((each for each in known if each in self._messages), "en")

    def has(self, language: str) -> bool:
        """Whether there are messages in it."""
        return language in self._messages

    def text(self, language: str, name: str, /, **values: Any) -> str:
        """A message. It is text, which templates escape as all else."""
        return self._messages[language][name].format_map(values)

    def text_or(self, language: str, name: str, other: str, /, **values: Any) -> str:
        """A message, or another text where there is none of that name."""
        return self.text(language, name, **values) if name in self._messages[language] else other

    def page(self, request: Request, template: str, known: Mapping[str, Any], status: int = 200) -> HTMLResponse:
        """A page or a part of one."""
        language = self.language_of(request)
        given = {**known, "language": language, "t": partial(self.text, language)}
        return HTMLResponse(self._environment.get_template(template).render(given), status)
