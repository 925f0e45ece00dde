"""The messages file: by which rules customers are told, by which ways out, and in which words.

language: de                  # of customers who have said none
zone: Europe/Berlin           # of shops that have none
quiet: {from: "21:00", to: "08:00"}
reminder_before: 4h
templates: /srv/holdfast/templates
directions: {S042: "Eingang im Hof, erster Stock"}
email: {host: mail.example.com, port: 587, tls: starttls, address: shop@example.com, name: Example,
        username: shop, password_file: /run/secrets/smtp}
sms: {url: "twilio://SID:TOKEN@+4930123/{to}", knows_copies: false}
rules:
  - {occasion: confirmed, channels: [email]}
  - {occasion: ready, channels: [email, sms]}
  - {occasion: ready, channels: [sms], store_id: S042, quiet: false}
"""

import re
from pathlib import Path
from typing import Final, Literal

import msgspec

from actors.calendar.zones import is_known
from actors.contacts.contact import MessageChannel
from actors.core.durations import duration_ms
from actors.notices.occasion import Occasion
from actors.notices.rules import Rule, Rules

FILE_VARIABLE: Final = "HOLDFAST_MESSAGES_FILE"
KEY_VARIABLE: Final = "HOLDFAST_CONTACTS_KEY_FILE"  # of nodes
# The service's own: as a setting of its second start, the former would mean a file that must be there.
OWN_KEY_VARIABLE: Final = "HOLDFAST_SERVICE_CONTACTS_KEY"
PAGES_VARIABLE: Final = "HOLDFAST_PUBLIC_URL"  # as the service's own setting; of nodes as well
_CLOCK: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
DURATION_MS_MAX: Final = 3_660 * 86_400_000


class MessagesFileError(ValueError):
    """A messages file that does not hold: where, and what is wrong."""


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Fields that are not known are refused by name."""


class SmtpSettings(_Strict, frozen=True, kw_only=True):
    """A server for e-mail. `tls` is from the first byte, `starttls` from its command on."""

    host: str
    address: str
    port: int = 587
    tls: Literal["none", "starttls", "tls"] = "starttls"
    name: str = ""
    username: str = ""
    password_file: str = ""
    timeout_s: float = 20.0


class AppriseSettings(_Strict, frozen=True, kw_only=True):
    """A provider by its address for apprise; see `AppriseWay`."""

    url: str
    knows_copies: bool = False


class QuietHours(_Strict, frozen=True, kw_only=True, rename={"from_": "from"}):
    """From and to as a shop's clock shows them."""

    from_: str
    to: str


class RuleRow(_Strict, frozen=True, kw_only=True):
    """See `notices.rules.Rule`."""

    occasion: str
    channels: tuple[str, ...]
    store_id: str = ""
    quiet: bool = True


class MessagesFile(_Strict, frozen=True, kw_only=True):
    """What the file has."""

    rules: tuple[RuleRow, ...]
    language: str = "de"
    zone: str = "UTC"
    quiet: QuietHours | None = None
    reminder_before: str = "4h"
    keep: str = "7d"
    contact_wait: str = "15m"
    retry: str = "30s"
    attempts_max: int = 8
    templates: str = ""
    directions: dict[str, str] = msgspec.field(default_factory=dict)
    email: SmtpSettings | None = None
    sms: AppriseSettings | None = None


def read_messages_file(path: Path) -> MessagesFile:
    """The file's settings, each checked. Raises MessagesFileError."""
    try:
        settings = msgspec.yaml.decode(path.read_bytes(), type=MessagesFile)
    except OSError as error:
        raise MessagesFileError(f"the messages file {path} cannot be read: {error.strerror}") from error
    except (msgspec.DecodeError, ValueError) as error:
        raise MessagesFileError(f"the messages file {path} does not hold: {error}") from error
    try:
        rules_of(settings)
    except ValueError as error:
        raise MessagesFileError(f"the messages file {path} does not hold: {error}") from error
    return settings


def rules_of(settings: MessagesFile) -> Rules:
    """What the notifier's ledger decides by. Raises ValueError."""
    if not is_known(settings.zone):
        raise ValueError(f"zone: {settings.zone!r} is no time zone, such as Europe/Berlin")
    if not 1 <= settings.attempts_max <= 32:
        raise ValueError("attempts_max: 1 to 32")
    ways = {MessageChannel.EMAIL: settings.email, MessageChannel.SMS: settings.sms}
    rules = tuple(_rule(row, place) for place, row in enumerate(settings.rules))
    named = {MessageChannel(channel) for rule in rules for channel in rule.channels}
    for channel in sorted(named):
        if ways[channel] is None:
            raise ValueError(f"{channel.name.lower()}: rules name it, and there is no way out for it")
    quiet = settings.quiet
    return Rules(
        rules,
        _minute("quiet.from", quiet.from_) if quiet else 0,
        _minute("quiet.to", quiet.to) if quiet else 0,
        settings.zone,
        _duration_ms("reminder_before", settings.reminder_before),
        _duration_ms("retry", settings.retry),
        settings.attempts_max,
        _duration_ms("contact_wait", settings.contact_wait),
        (int(MessageChannel.SMS),) if settings.sms and settings.sms.knows_copies else (),
        _duration_ms("keep", settings.keep),
    )


def _rule(row: RuleRow, place: int) -> Rule:
    occasions, channels = ({each.name.lower(): each for each in kind} for kind in (Occasion, MessageChannel))
    if row.occasion not in occasions:
        raise ValueError(f"rules[{place}].occasion: {row.occasion!r} is none of {', '.join(occasions)}")
    for each in row.channels:
        if each not in channels:
            raise ValueError(f"rules[{place}].channels: {each!r} is none of {', '.join(channels)}")
    wanted = tuple(int(channels[each]) for each in dict.fromkeys(row.channels))
    return Rule(Occasion(int(occasions[row.occasion])), wanted, row.store_id, row.quiet)


def _minute(field: str, text: str) -> int:
    found = _CLOCK.fullmatch(text)
    if found is None:
        raise ValueError(f"{field}: {text!r} is no time of a day; write it as '21:00', in quotes")
    return 60 * int(found[1]) + int(found[2])


def _duration_ms(field: str, text: str) -> int:
    try:
        found = duration_ms(text)
    except ValueError as error:
        raise ValueError(f"{field}: {error}") from None
    if not 0 < found <= DURATION_MS_MAX:
        raise ValueError(f"{field}: {text!r} is out of range; give more than nothing, and at most 3660d")
    return found
