"""How customers are reached, and what they have said of being told. What prints a contact names nobody."""

from dataclasses import dataclass

from holdfast.client.models.reservations import Rejection
from holdfast.client.wire_types import reader
from holdfast.v1 import enums

MessageChannel = enums.MessageChannel


@dataclass(frozen=True, slots=True)
class ContactConsent:
    """Whether a customer may be told by a channel of messages; False where they have opted out."""

    channel: MessageChannel
    granted: bool
    said_at_ms: int | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Contact:
    """How a customer is reached: for one purchase, an order or a reservation, or, without one, for all that have none
    of their own. An e-mail or a telephone is needed. `preferred_channel` is the only one that the customer wishes.
    """

    customer_id: str
    purchase_id: str = ""
    email: str = ""
    telephone: str = ""
    language: str = ""
    display_name: str = ""
    consents: tuple[ContactConsent, ...] = ()
    preferred_channel: MessageChannel = MessageChannel.UNSPECIFIED

    def __repr__(self) -> str:
        return "Contact(of a customer)"


@dataclass(frozen=True, slots=True)
class ContactChange:
    """How many entries were written or erased."""

    entries: int


ContactOutcome = ContactChange | Rejection
"""The answer to a change of contacts; the only refusal is that of a key that was used for something else."""

contact_from = reader(Contact)
contact_change_from = reader(ContactChange)
