"""Keys that a shop makes for itself begin with a line feed, which no caller's key does, and a word of their own."""

from actors.shop.commands import claim_key, void_key
from actors.shop.hot.units import move_key
from actors.shop.shortfalls.shortfall import key_of_move
from actors.shop.transfers.transfer import transfer_key


def test_no_key_of_a_shop_is_another_ones() -> None:
    """What follows the word may be a caller's to choose, and callers may use any id for a key."""
    keys = [claim_key("x"), void_key("x", 1), transfer_key("x"), move_key("x"), key_of_move("x")]
    assert all(key.startswith("\n") for key in keys)
    assert len({key.split()[0] for key in keys}) == len(keys)
