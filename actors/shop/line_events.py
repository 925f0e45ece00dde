"""The event of a line whose SKU is under a limit of the whole chain. Those of any line are in `events`."""

from actors.core.message import Message


class GrantAwaited(Message, frozen=True):
    """Units are kept for one that waits under a limit of the whole chain, until `until_ms`: its customer's ledger is to
    grant them. 0: they are kept no more; with `is_late` that ledger is asked all the same, and others are served
    meanwhile, else it has granted them, and they were not there any more: then it waits as before.
    """

    number: int
    sku: str
    until_ms: int
    is_late: bool = False
