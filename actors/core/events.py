"""Events that both kinds of ledger have."""

from actors.core.message import Message
from actors.core.policy import Policy
from actors.core.rejection import Rejection


class Refused(Message, frozen=True):
    """The business said no. `command` is the call's name, for readers of the feed; `key` is as it is remembered."""

    key: str
    fingerprint: str
    command: str
    rejection: Rejection


class PolicyAdopted(Message, frozen=True):
    """The ledger decides by these rules from here on."""

    policy: Policy
