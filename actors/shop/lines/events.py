"""Events of a line: of one whose SKU is under a limit of the whole chain, and of who does not take up what it has
served. The others are in `events`.
"""

from actors.core.message import Message
from actors.shop.commands import Lines


class GrantAwaited(Message, frozen=True):
    """Units are kept for one that waits under a limit of the whole chain, until `until_ms`: its customer's ledger is to
    grant them. 0: they are kept no more; with `is_late` that ledger is asked all the same, and others are served
    meanwhile, else it has granted them, and they were not there any more: then it waits as before.
    """

    number: int
    sku: str
    until_ms: int
    is_late: bool = False


class PassedOver(Message, frozen=True):
    """What was served was not taken up in time: the units, `lines`, returned, and it waits in its old place once more,
    until `expires_at_ms`.
    """

    number: int
    lines: Lines
    expires_at_ms: int
