"""Links to customers' pages, for letters. The key is the chain's: a gateway that brings the feeds brings it as well,
and it is kept in memory alone.
"""

from collections.abc import Callable
from typing import Final

from actors.core.pickup_keys import PickupKey
from actors.core.pickup_links import PAGE_PATH, make_link, token_of

RECEIPT_PATH: Final = "/receipt"  # below a pickup's page


class Links:
    """To the pages at `url`; empty makes none. Learned by one thread, and made by others."""

    def __init__(self, url: str, now_ms: Callable[[], int]) -> None:
        self._url = url
        self._now_ms = now_ms
        self._key: PickupKey | None = None

    @property
    def is_awaited(self) -> bool:
        """Whether there are pages, and no gateway has said by which key: a letter would lack its link."""
        return bool(self._url) and self._key is None

    def learn(self, key: PickupKey) -> None:
        """Make them by this key from here on, where there are pages."""
        self._key = key if self._url else None

    def of(self, store_id: str, reservation: int, customer_id: str) -> str:
        """The link to a reservation's page, made anew; empty where there are no pages."""
        if not self._url or self._key is None:
            return ""
        link = make_link(self._key, store_id, reservation, customer_id, self._now_ms())
        return f"{self._url}{PAGE_PATH}{token_of(link, self._key)}"


NO_LINKS: Final = Links("", lambda: 0)
