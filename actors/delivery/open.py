"""Makes the notifier's desk of a messages file."""

import logging
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from actors.contacts.contact import MessageChannel
from actors.contacts.open import open_book
from actors.delivery.by_apprise import AppriseWay
from actors.delivery.links import Links
from actors.delivery.round import Desk
from actors.delivery.settings import (
    FILE_VARIABLE,
    KEY_VARIABLE,
    OWN_KEY_VARIABLE,
    PAGES_VARIABLE,
    read_messages_file,
    rules_of,
)
from actors.delivery.smtp import SmtpWay
from actors.delivery.way_out import WayOut
from actors.delivery.wording import words_of
from actors.notices.rules import Rules

log = logging.getLogger("holdfast.notices")


def open_desk(
    journals: str, messages: Path, key: Path, now_ms: Callable[[], int], pages_url: str = ""
) -> tuple[Rules, Desk]:
    """What the file says: the rules, and the desk. `pages_url` is where customers find their pages, empty for nowhere.
    Raises MessagesFileError.
    """
    settings = read_messages_file(messages)
    ways: dict[MessageChannel, WayOut] = {}
    if settings.email is not None:
        ways[MessageChannel.EMAIL] = SmtpWay(settings.email)
    if settings.sms is not None:
        ways[MessageChannel.SMS] = AppriseWay(settings.sms)
    links = Links(pages_url, now_ms)
    words = words_of(settings, links)
    for fault in words.faults():  # a start refuses these; here only what they are of is not sent
        log.error("a template does not hold: %s", fault)
    return rules_of(settings), Desk(ways, words, partial(open_book, journals, key, now_ms), links)


def desk_of_environment(journals: str, now_ms: Callable[[], int]) -> tuple[Rules, Desk] | None:
    """The desk of the messages file that this process's environment names, None where it names none."""
    messages = os.environ.get(FILE_VARIABLE, "")
    key = os.environ.get(OWN_KEY_VARIABLE) or os.environ.get(KEY_VARIABLE, "")
    url = os.environ.get(PAGES_VARIABLE, "")
    return open_desk(journals, Path(messages), Path(key), now_ms, url) if messages else None
