"""Which shops have moved from the actor that the rule of placement says, or are on their way to another one."""

from collections.abc import Mapping

from msgspec.structs import replace

from actors.core.message import Message, Value


class StoreMoving(Message, frozen=True):
    """A shop is to move from one actor to another."""

    store_id: str
    actor: str
    source: str


class StoreMoved(Message, frozen=True):
    """A shop is served where it was to move."""

    store_id: str


class StoreMove(Value, frozen=True):
    """A shop's last move. `move` is its number, the chain's revision that asked for it; `changed` is that of the latest
    news of it.
    """

    actor: str
    source: str
    move: int
    changed: int
    is_done: bool = False


def moved_by(moves: Mapping[str, StoreMove], event: StoreMoving | StoreMoved, revision: int) -> dict[str, StoreMove]:
    """The moves after an event, which makes this revision of the chain."""
    match event:
        case StoreMoving(store_id, actor, source):
            return {**moves} | {store_id: StoreMove(actor, source, revision, revision)}
        case StoreMoved(store_id):
            return {**moves} | {store_id: replace(moves[store_id], changed=revision, is_done=True)}
