"""What is known of how to reach a customer. In no ledger, in no log line: what prints a value names nobody."""

import re
import unicodedata
from enum import IntEnum
from typing import Final

from actors.core.message import Value

LAST_DIGITS: Final = 4  # of a telephone, by which the counter looks somebody up
_SPACES: Final = re.compile(r"\s+")


class MessageChannel(IntEnum):
    """A way by which a customer is told something; see `contact.proto`."""

    EMAIL = 1
    SMS = 2


class Consent(Value, frozen=True):
    """What a customer has said of a channel of messages, and when."""

    channel: MessageChannel
    granted: bool
    said_at_ms: int


class Consents(Value, frozen=True):
    """What a customer has said, the last word for each channel."""

    said: tuple[Consent, ...] = ()

    def __repr__(self) -> str:
        return "Consents(of a customer)"

    def of(self, channel: MessageChannel) -> bool | None:
        """Whether the customer may be told by that channel; None where nothing was said."""
        return next((each.granted for each in self.said if each.channel is channel), None)

    def with_word(self, consent: Consent) -> "Consents":
        """The same with the last word for a channel."""
        others = [each for each in self.said if each.channel is not consent.channel]
        return Consents(tuple(sorted([*others, consent], key=lambda each: each.channel)))


class Contact(Value, frozen=True):
    """How a customer is reached, for one purchase or, where `purchase_id` is empty, for all that have none of their
    own. `preferred` is 0 where the customer wishes no channel alone.
    """

    customer_id: str
    purchase_id: str = ""
    email: str = ""
    telephone: str = ""
    language: str = ""
    display_name: str = ""
    preferred: int = 0

    def __repr__(self) -> str:
        return "Contact(of a customer)"

    def address(self, channel: MessageChannel) -> str:
        """Where a message by that channel goes, empty for nowhere."""
        return self.email if channel is MessageChannel.EMAIL else self.telephone

    def looked_up_by(self) -> tuple[tuple[str, str], ...]:
        """The pairs of name and last digits by which the counter finds this contact."""
        name, digits = normal_name(self.display_name), self.telephone[-LAST_DIGITS:]
        if not name or not digits:
            return ()
        return tuple((each, digits) for each in dict.fromkeys((name, name.rpartition(" ")[2])))


def normal_name(name: str) -> str:
    """A name as it is compared: without case, accents and further spaces."""
    plain = "".join(each for each in unicodedata.normalize("NFKD", name) if not unicodedata.combining(each))
    return _SPACES.sub(" ", plain.casefold()).strip()
