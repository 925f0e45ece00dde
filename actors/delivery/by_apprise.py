"""The ways out that apprise knows: short messages and others, by the address of a provider."""

import logging
from collections.abc import Callable
from typing import Final
from urllib.parse import quote

import apprise

from actors.delivery.settings import AppriseSettings
from actors.delivery.way_out import NOT_BEGUN, Ended, Letter
from actors.notices.occasion import Outcome

# It writes what it sends, and to whom, into its log lines.
logging.getLogger("apprise").disabled = True
TEXT_CHARS_MAX: Final = 480  # three short messages


class AppriseWay:
    """See `WayOut`. `{to}` and `{key}` in the provider's address are the customer's, and the notice's.

    apprise says whether all went well and nothing more: of a failure nobody knows how far it came, nor whose it is.
    Where the provider knows a second copy by the key, it is sent again.
    """

    def __init__(self, settings: AppriseSettings) -> None:
        self._settings = settings

    async def send(self, letter: Letter, begin: Callable[[], bool]) -> Ended:
        url = self._settings.url.replace("{to}", quote(letter.address, safe="")).replace("{key}", quote(letter.key, ""))
        provider = apprise.Apprise()
        if not provider.add(url):
            why = "apprise does not understand the provider's address in the settings"
            return Ended(Outcome.NOT_SENT, why, is_away=True)
        if not begin():
            return Ended(Outcome.NOT_SENT, NOT_BEGUN)
        if await provider.async_notify(body=letter.text[:TEXT_CHARS_MAX]):
            return Ended(Outcome.SENT)
        return Ended(Outcome.UNKNOWN, "the provider did not say that it took it", is_away=True)
