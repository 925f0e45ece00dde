"""What a notice says: a template of its occasion in the customer's language, which an operator may replace.

`LANGUAGE/OCCASION.txt` has the subject as its first line, then the text. A short message is the subject alone, or what
`LANGUAGE/OCCASION.sms.txt` says where there is one. The text as HTML is `layout.html`, which escapes it.
"""

from itertools import product
from pathlib import Path
from typing import Any, Final

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined, TemplateError, select_autoescape
from msgspec.structs import replace

from actors.calendar.zones import wall_clock
from actors.core.ids import format_reservation_id
from actors.delivery.links import NO_LINKS, RECEIPT_PATH, Links
from actors.delivery.settings import MessagesFile, MessagesFileError
from actors.delivery.way_out import Wording, WordingFails
from actors.notices.occasion import Occasion
from actors.notices.state import Detail, Notice, Place

BUILT_IN: Final = Path(__file__).parent / "templates"
SUBJECT_CHARS_MAX: Final = 200
TEXT_CHARS_MAX: Final = 20_000
_DAYS: Final = {
    "de": ("Mo", "Di", "Mi", "Do", "Fr", "Sa", "So"),
    "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
}
EXAMPLE: Final = Notice(
    *(1, "S042", 1, Occasion.READY, 1, "ann", 7, ""),
    Place("Example", "UTC", 52.5, 13.4),
    Detail(1_800_000_000_000, 1_799_990_000_000, (("A", 1),), "OTHER", "p-1", 1_799_980_000_000),
    created_at_ms=1,
    next_at_ms=1,
)


class TemplateWords:
    """See `Words`. The templates of a folder before the built-in ones. `language` is that of customers who have said
    none, or one that has no templates.
    """

    def __init__(
        self, folder: str, language: str, zone: str, directions: dict[str, str], links: Links = NO_LINKS
    ) -> None:
        folders = [FileSystemLoader(folder)] if folder else []
        self._environment = Environment(
            loader=ChoiceLoader([*folders, FileSystemLoader(BUILT_IN)]),
            autoescape=select_autoescape(enabled_extensions=("html",), default=False),
            undefined=StrictUndefined,
            trim_blocks=False,
        )
        self._folder = folder
        self._language = language
        self._zone = zone
        self._directions = directions
        self._links = links

    def of(self, notice: Notice, name: str, language: str) -> Wording:
        try:
            return self._of(notice, name, language)
        except TemplateError as error:
            raise WordingFails(f"{type(error).__name__}: {error.message}") from error
        except Exception as error:  # a template may do anything, and its file may be anything
            raise WordingFails(f"{notice.occasion.name.lower()}.txt: {type(error).__name__}") from error

    def faults(self) -> list[str]:
        """What is wrong with templates, each by its language and occasion: all are rendered of an example."""
        if self._folder and not Path(self._folder).is_dir():
            return [f"there is no folder {self._folder}"]
        languages = {name.partition("/")[0] for name in self._environment.list_templates() if "/" in name}
        found = []
        for language, occasion in product(sorted(languages), Occasion):
            try:
                self.of(replace(EXAMPLE, occasion=occasion), "Ann", language)
            except WordingFails as error:
                found.append(f"{language}, {occasion.name.lower()}: {error}")
        return found

    def _of(self, notice: Notice, name: str, language: str) -> Wording:
        wanted = f"{notice.occasion.name.lower()}.txt"
        template = self._environment.select_template([f"{language}/{wanted}", f"{self._language}/{wanted}"])
        language = str(template.name).partition("/")[0]
        known = self._context(notice, name, language)
        lines = template.render(known).strip().splitlines()
        subject = " ".join((lines[0] if lines else "").split())[:SUBJECT_CHARS_MAX]
        if not subject:
            raise TemplateError(f"{template.name} has no subject in its first line")
        text = "\n".join(lines[1:]).strip()[:TEXT_CHARS_MAX] + "\n"
        paragraphs = [part.splitlines() for part in text.strip().split("\n\n") if part.strip()]
        layout = self._environment.select_template([f"{language}/layout.html", "layout.html"])
        html = layout.render(known | {"subject": subject, "paragraphs": paragraphs})
        return Wording(subject, text, self._short(notice, language, known) or subject, html)

    def _short(self, notice: Notice, language: str, known: dict[str, Any]) -> str:
        name = f"{language}/{notice.occasion.name.lower()}.sms.txt"
        if name not in self._environment.list_templates():
            return ""
        return " ".join(self._environment.get_template(name).render(known).split())

    def _context(self, notice: Notice, name: str, language: str) -> dict[str, Any]:
        detail, place = notice.detail, notice.place
        zone = place.zone or self._zone

        def when(at_ms: int) -> str:
            if not at_ms:
                return ""
            at = wall_clock(zone, at_ms)
            day = _DAYS.get(language, _DAYS["en"])[at.weekday()]
            return f"{day} {at:%d.%m. %H:%M}" if language == "de" else f"{day} {at:%d/%m at %H:%M}"

        link = self._links.of(notice.store_id, notice.reservation, notice.customer_id)
        is_placed = place.latitude is not None and place.longitude is not None
        return {
            "language": language,
            "name": name,
            "shop": place.name or notice.store_id,
            "directions": self._directions.get(notice.store_id, ""),
            "map_link": f"https://www.openstreetmap.org/?mlat={place.latitude}&mlon={place.longitude}"
            if is_placed
            else "",
            "link": link,
            "receipt_link": f"{link}{RECEIPT_PATH}" if link else "",
            "lines": detail.lines,
            "until": when(detail.expires_at_ms),
            "ready_at": when(detail.slot_start_ms),
            "at": when(detail.at_ms),
            "reason": detail.reason.lower(),
            "payment_reference": detail.payment_reference,
            "id": notice.order_id or format_reservation_id(notice.store_id, notice.reservation),
        }


def words_of(settings: MessagesFile, links: Links = NO_LINKS) -> TemplateWords:
    """The words that a messages file says, with these links."""
    return TemplateWords(settings.templates, settings.language, settings.zone, settings.directions, links)


def prove_templates(settings: MessagesFile) -> None:
    """Render every template once. Raises MessagesFileError."""
    if faults := words_of(settings).faults():
        raise MessagesFileError(f"templates that do not hold: {'; '.join(faults)}")
