"""The contracts of who sends: a way out, by which letters of one channel of messages go, and the words for them."""

from collections.abc import Callable
from typing import Final, NamedTuple, Protocol

from actors.notices.occasion import Outcome
from actors.notices.state import Notice


class Wording(NamedTuple):
    """A notice in words: of a letter the subject, and its text twice; `short` for what has no subject."""

    subject: str
    text: str
    short: str
    html: str


NOT_BEGUN: Final = "it was not begun"


class WordingFails(Exception):
    """A template that does not hold. The text names it, and nobody."""


class Words(Protocol):
    """What notices say."""

    def of(self, notice: Notice, name: str, language: str) -> Wording:
        """A notice to a customer of that name and language, each empty for none. Raises WordingFails."""


class Letter(NamedTuple):
    """What is sent. `key` is the same for every attempt of one notice. What prints it names nobody."""

    address: str
    name: str
    subject: str
    text: str
    html: str
    key: str
    at_ms: int

    def __repr__(self) -> str:
        return f"Letter({self.key})"


class Ended(NamedTuple):
    """What became of an attempt. `why` is for people, and names no address. `is_away`: by the way out's own fault, so
    that any other letter would have fared alike; None where it says nothing of that.
    """

    outcome: Outcome
    why: str = ""
    is_away: bool | None = False


class WayOut(Protocol):
    """What went wrong is an outcome. NOT_SENT and REFUSED are said only of what is certain; before `begin` has returned
    True, whatever is raised, or takes too long, is NOT_SENT by itself.
    """

    async def send(self, letter: Letter, begin: Callable[[], bool]) -> Ended:
        """Hand a letter over to who delivers it. `begin` is called right before the first thing by which it may arrive,
        and records the attempt; where it returns False nothing is sent. What it raises is raised.
        """
