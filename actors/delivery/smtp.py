"""The way out by e-mail: a server that speaks SMTP. Whether a letter was taken is known but for a break in its DATA."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime
from pathlib import Path
from typing import Final

from aiosmtplib import SMTP
from aiosmtplib.errors import (
    SMTPAuthenticationError,
    SMTPDataError,
    SMTPException,
    SMTPRecipientRefused,
    SMTPResponseException,
)

from actors.delivery.settings import SmtpSettings
from actors.delivery.way_out import NOT_BEGUN, Ended, Letter
from actors.notices.occasion import Outcome

TRANSIENT: Final = 400  # replies below say that something was taken
PERMANENT: Final = 500  # from this reply on another attempt is answered alike
OF_ANY: Final = frozenset({421, 530})  # replies that close the service, or want a login (RFC 5321 3.8, RFC 4954 6)
CLOSE_S: Final = 2.0


class SmtpWay:
    """See `WayOut`. A connection for each letter: a server may close an idle one at any time, and would then leave open
    what became of the letter after it.
    """

    def __init__(self, settings: SmtpSettings) -> None:
        self._settings = settings

    async def send(self, letter: Letter, begin: Callable[[], bool]) -> Ended:
        content = self._message(letter).as_bytes(policy=SMTP_POLICY)
        try:
            client = self._client()
        except (OSError, ValueError) as error:  # put back, the next attempt has it
            why = f"the password file cannot be read: {type(error).__name__}"
            return Ended(Outcome.NOT_SENT, why, is_away=True)
        try:
            before = await self._introduce(client, letter.address)
            if before is not None:
                return before
            return await _hand_over(client, content) if begin() else Ended(Outcome.NOT_SENT, NOT_BEGUN)
        finally:
            with suppress(SMTPException, OSError, TimeoutError):
                async with asyncio.timeout(CLOSE_S):
                    await client.quit()
            client.close()

    def _client(self) -> SMTP:
        settings = self._settings
        return SMTP(
            hostname=settings.host,
            port=settings.port,
            use_tls=settings.tls == "tls",
            start_tls=settings.tls == "starttls",
            timeout=settings.timeout_s,
            username=settings.username or None,
            password=self._password(),
        )

    async def _introduce(self, client: SMTP, address: str) -> Ended | None:
        """How it ended before anything was handed over, None where it may go on. Only a reply to RCPT is about the
        recipient: what comes before would be said to any.
        """
        try:
            await client.connect()
            await client.mail(self._settings.address)
            await client.rcpt(address)
        except SMTPRecipientRefused as error:
            return _replied(error, "the recipient")
        except SMTPAuthenticationError as error:
            return Ended(Outcome.NOT_SENT, f"the server refused the login with {error.code}", is_away=True)
        except SMTPResponseException as error:
            return Ended(Outcome.NOT_SENT, f"the server refused any letter with {error.code}", is_away=True)
        except (SMTPException, OSError, TimeoutError) as error:
            return Ended(Outcome.NOT_SENT, f"the server was not reached: {type(error).__name__}", is_away=True)
        return None

    def _password(self) -> str | None:
        path = self._settings.password_file
        return Path(path).read_text(encoding="utf-8").strip() if path else None

    def _message(self, letter: Letter) -> EmailMessage:
        message = EmailMessage()
        local, _, domain = self._settings.address.rpartition("@")
        message["From"] = Address(self._settings.name, local, domain)
        to_local, _, to_domain = letter.address.rpartition("@")
        message["To"] = Address(letter.name, to_local, to_domain)
        message["Subject"] = letter.subject
        message["Date"] = format_datetime(datetime.fromtimestamp(letter.at_ms // 1_000, UTC))
        message["Message-ID"] = f"<{letter.key}@{domain}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(letter.text)
        message.add_alternative(letter.html, subtype="html")
        return message


async def _hand_over(client: SMTP, content: bytes) -> Ended:
    """From here on a broken connection, or a reply that is none, leaves open what became of it."""
    try:
        await client.data(content)
    except SMTPDataError as error:
        return _replied(error, "the letter")
    except (SMTPException, OSError, TimeoutError) as error:
        why = f"the connection broke while it was sent: {type(error).__name__}"
        return Ended(Outcome.UNKNOWN, why, is_away=True)
    return Ended(Outcome.SENT)


def _replied(error: SMTPResponseException, what: str) -> Ended:
    """By the server's reply, whose text may repeat the address and is left out."""
    why = f"the server refused {what} with {error.code}"
    if error.code in OF_ANY:
        return Ended(Outcome.NOT_SENT, why, is_away=True)
    if error.code < TRANSIENT:
        return Ended(Outcome.UNKNOWN, f"the server said {error.code} to {what}")
    return Ended(Outcome.REFUSED if error.code >= PERMANENT else Outcome.NOT_SENT, why)
