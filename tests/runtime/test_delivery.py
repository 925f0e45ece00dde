"""The ways out against real servers, and the words of every occasion."""

import asyncio
import email
import email.policy
import socket
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Final

import pytest
from msgspec.structs import replace

from actors.contacts.contact import MessageChannel
from actors.delivery.by_apprise import AppriseWay
from actors.delivery.open import open_desk
from actors.delivery.settings import AppriseSettings, MessagesFileError, SmtpSettings, read_messages_file
from actors.delivery.smtp import SmtpWay
from actors.delivery.way_out import Ended, Letter, WordingFails
from actors.delivery.wording import TemplateWords, prove_templates
from actors.notices.occasion import Occasion, Outcome
from actors.notices.state import Detail, Notice, Place
from tests.runtime.post_office import SILENT_S, MailServer, Provider, ScriptedServer, mail_server

LETTER: Final = Letter(
    "ann@example.com",
    "Ann Müller",
    "Ihre Bestellung läge bereit",
    "Grüße\n",
    "<p>Grüße</p>",
    "S1.9.4",
    1_800_000_000_000,
)
HOSTILE: Final = (
    "<script>alert(1)</script>",
    "{{ 7 * 7 }}{% include '/etc/passwd' %}",
    '"><img src=x onerror=alert(1)>',
    "Ann\u202ereversed",
    'O\'Neill & "Söhne" <x@y.z>',
    "x" * 128,
)


@pytest.fixture(scope="module")
def mail() -> Iterator[MailServer]:
    with mail_server() as server:
        yield server


@pytest.fixture
def provider() -> Iterator[Provider]:
    provider = Provider()
    yield provider
    provider.close()


LOGIN: Final = SmtpSettings(
    host="127.0.0.1", tls="none", address="shop@example.org", username="shop", timeout_s=SILENT_S
)


def begun() -> bool:
    """The attempt is recorded."""
    return True


def smtp(port: int, timeout_s: float = 20.0) -> SmtpWay:
    settings = SmtpSettings(
        host="127.0.0.1", port=port, tls="none", address="shop@example.org", name="Der Laden", timeout_s=timeout_s
    )
    return SmtpWay(settings)


def parsed(content: bytes) -> EmailMessage:
    found = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(found, EmailMessage)
    return found


def test_a_letter_arrives_with_its_words_and_its_key(mail: MailServer) -> None:
    mail.letters.clear()
    assert asyncio.run(smtp(mail.port).send(LETTER, begun)).outcome is Outcome.SENT
    ((recipient, content),) = mail.letters
    message = parsed(content)
    assert (recipient, str(message["To"])) == ("ann@example.com", "Ann Müller <ann@example.com>")
    assert str(message["From"]) == "Der Laden <shop@example.org>"
    assert (str(message["Subject"]), str(message["Message-ID"])) == (LETTER.subject, "<S1.9.4@example.org>")
    assert "2027" in str(message["Date"])
    bodies = {part.get_content_type(): part.get_content().replace("\r\n", "\n") for part in message.iter_parts()}
    assert bodies == {"text/plain": "Grüße\n", "text/html": "<p>Grüße</p>\n"}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_becomes_a_header_or_another_recipient(mail: MailServer, name: str) -> None:
    mail.letters.clear()
    subject = f"An {name}\r\nBcc: eve@example.com"
    letter = LETTER._replace(name=name, subject=" ".join(subject.split()))
    assert asyncio.run(smtp(mail.port).send(letter, begun)).outcome is Outcome.SENT
    ((recipient, content),) = mail.letters
    assert recipient == "ann@example.com"
    assert parsed(content)["Bcc"] is None
    assert len(parsed(content)["To"].addresses) == 1


@pytest.mark.parametrize(
    ("command", "answer", "outcome", "arrived"),
    [
        ("MAIL", "451 later", Outcome.NOT_SENT, 0),
        ("MAIL", "550 who are you", Outcome.NOT_SENT, 0),
        ("RCPT", "450 later", Outcome.NOT_SENT, 0),
        ("RCPT", "550 nobody here", Outcome.REFUSED, 0),
        ("RCPT", "break", Outcome.NOT_SENT, 0),
        ("RCPT", "silence", Outcome.NOT_SENT, 0),
        ("DATA", "451 later", Outcome.NOT_SENT, 0),
        ("DATA", "554 no", Outcome.REFUSED, 0),
        ("DATA", "break", Outcome.UNKNOWN, 0),
        ("TAKEN", "break", Outcome.UNKNOWN, 1),
        ("TAKEN", "silence", Outcome.UNKNOWN, 1),
    ],
)
def test_what_is_known_of_a_letter_is_what_the_server_said(
    mail: MailServer, command: str, answer: str, outcome: Outcome, arrived: int
) -> None:
    mail.letters.clear()
    mail.answers = {command: [answer]}
    ended = asyncio.run(smtp(mail.port, SILENT_S if answer == "silence" else 20.0).send(LETTER, begun))
    assert (ended.outcome, len(mail.letters)) == (outcome, arrived)
    assert ended.why
    assert "ann" not in ended.why


@pytest.mark.parametrize(
    ("command", "says", "outcome", "is_away"),
    [
        *((each, "silence", Outcome.NOT_SENT, True) for each in ("HELLO", "EHLO", "AUTH", "MAIL", "RCPT")),
        ("HELLO", "554 no service here just now", Outcome.NOT_SENT, True),
        ("AUTH", "535 5.7.8 authentication failed", Outcome.NOT_SENT, True),
        ("MAIL", "550 not by this sender", Outcome.NOT_SENT, True),
        ("RCPT", "421 closing", Outcome.NOT_SENT, True),
        ("RCPT", "530 5.7.0 authentication required", Outcome.NOT_SENT, True),
        ("RCPT", "lunch", Outcome.NOT_SENT, True),
        ("RCPT", "450 later", Outcome.NOT_SENT, False),
        ("RCPT", "550 nobody here", Outcome.REFUSED, False),
        ("DATA", "421 closing", Outcome.NOT_SENT, True),
        ("DATA", "554 no", Outcome.REFUSED, False),
        ("DATA", "silence", Outcome.UNKNOWN, True),
        (".", "554 no", Outcome.REFUSED, False),
        (".", "451 later", Outcome.NOT_SENT, False),
        (".", "lunch", Outcome.UNKNOWN, True),
        (".", "silence", Outcome.UNKNOWN, True),
    ],
)
def test_only_a_reply_to_the_recipient_or_to_the_letter_is_about_it(
    tmp_path: Path, command: str, says: str, outcome: Outcome, is_away: bool
) -> None:
    (tmp_path / "password").write_text("secret")
    server = ScriptedServer({command: says})
    asked: list[str] = []

    def begin() -> bool:
        asked.append(server.heard[-1])
        return True

    async def main() -> Ended:
        async with server.listening():
            settings = replace(LOGIN, port=server.port, password_file=str(tmp_path / "password"))
            return await SmtpWay(settings).send(LETTER, begin)

    ended = asyncio.run(main())
    assert (ended.outcome, ended.is_away) == (outcome, is_away)
    assert asked == (["RCPT"] if command in ("DATA", ".") else []), "right before it is handed over"


def test_a_password_that_cannot_be_read_is_the_way_outs_fault(tmp_path: Path, mail: MailServer) -> None:
    (tmp_path / "latin").write_bytes("schön".encode("latin-1"))
    for name in ("none", "latin"):
        way = SmtpWay(replace(LOGIN, port=mail.port, password_file=str(tmp_path / name)))
        ended = asyncio.run(way.send(LETTER, begun))
        assert (ended.outcome, ended.is_away) == (Outcome.NOT_SENT, True)
        assert "schön" not in ended.why


def test_a_server_that_is_not_there_or_no_tls_has_been_sent_nothing(mail: MailServer) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert asyncio.run(smtp(port).send(LETTER, begun)).outcome is Outcome.NOT_SENT
    mail.letters.clear()
    tls = SmtpSettings(host="127.0.0.1", port=mail.port, tls="starttls", address="shop@example.org")
    assert asyncio.run(SmtpWay(tls).send(LETTER, begun)).outcome is Outcome.NOT_SENT, "never in plain text then"
    assert mail.letters == []


def test_a_password_that_is_wrong_or_not_there_loses_no_letter(mail: MailServer, tmp_path: Path) -> None:
    """It is the service's, and right soon: another attempt may be answered otherwise."""
    mail.letters.clear()
    of = {"host": "127.0.0.1", "port": mail.port, "address": "shop@example.org", "username": "shop"}
    for name in ("wrong", "absent"):
        (tmp_path / "wrong").write_text("secret")
        settings = SmtpSettings(**of, tls="none", password_file=str(tmp_path / name))  # type: ignore[arg-type]
        ended = asyncio.run(SmtpWay(settings).send(LETTER, begun))
        assert ended.outcome is Outcome.NOT_SENT, name
        assert "secret" not in ended.why
    assert mail.letters == []


def test_nothing_is_sent_before_its_attempt_is_recorded_nor_where_it_could_not_be(
    mail: MailServer, provider: Provider
) -> None:
    mail.letters.clear()
    asked: list[int] = []

    def refuse() -> bool:
        asked.append(len(mail.letters) + len(provider.taken))
        return False

    for way in (smtp(mail.port), by_provider(provider.port)):
        assert asyncio.run(way.send(LETTER, refuse)).outcome is Outcome.NOT_SENT
    assert (asked, mail.letters, provider.taken) == ([0, 0], [], {})
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    asyncio.run(smtp(port).send(LETTER, refuse))
    assert len(asked) == 2, "a server that is away is no attempt yet"


def by_provider(port: int) -> AppriseWay:
    url = f"json://127.0.0.1:{port}/send?+Idempotency-Key={{key}}&:to={{to}}"
    return AppriseWay(AppriseSettings(url=url, knows_copies=True))


def test_a_short_message_goes_to_the_provider_with_its_key(
    provider: Provider, caplog: pytest.LogCaptureFixture
) -> None:
    way, letter = by_provider(provider.port), LETTER._replace(address="+4930123456", text="Bereit bis Fr 18:00")
    assert asyncio.run(way.send(letter, begun)).outcome is Outcome.SENT
    assert provider.taken[letter.key]["message"] == "Bereit bis Fr 18:00"
    assert provider.taken[letter.key]["to"] == "+4930123456"
    provider.answers = [500]
    ended = asyncio.run(way.send(letter, begun))
    assert (ended.outcome, "4930" in ended.why) == (Outcome.UNKNOWN, False)
    assert provider.copies[letter.key] == 1
    assert "4930" not in caplog.text
    bad = AppriseWay(AppriseSettings(url="no such way"))
    assert asyncio.run(bad.send(letter, begun)).outcome is Outcome.NOT_SENT


def notice(occasion: Occasion, **given: Any) -> Notice:
    detail = Detail(
        1_800_000_000_000, 1_799_990_000_000, (("4006381333931", 2), ("B", 1)), "OTHER", "p-1", 1_799_980_000_000
    )
    place = Place("Mitte", "Europe/Berlin", 52.5, 13.4)
    fields: dict[str, Any] = {"place": place, "detail": detail, "order_id": "", **given}
    return Notice(4, "S1", 9, occasion, 1, "ann", 7, created_at_ms=1, next_at_ms=1, **fields)


WORDS: Final = TemplateWords("", "de", "UTC", {"S1": "Eingang im Hof"})


@pytest.mark.parametrize("language", ["de", "en"])
@pytest.mark.parametrize("occasion", Occasion)
def test_every_occasion_has_its_words_in_each_language_whatever_stands_in_them(
    occasion: Occasion, language: str
) -> None:
    full = WORDS.of(notice(occasion), "Ann", language)
    bare = WORDS.of(notice(occasion, place=Place("", ""), detail=Detail()), "", language)
    for wording in (full, bare):
        for text in (wording.subject, wording.text, wording.short, wording.html):
            assert text.strip()
            assert "{{" not in text
            assert "{%" not in text
            assert "None" not in text
        assert "\n" not in wording.subject + wording.short
        assert wording.html.count("<p>") > 1
    assert ("Guten Tag Ann" if language == "de" else "Hello Ann") in full.text
    assert "S1:7" in full.text
    for name in HOSTILE:
        hostile = WORDS.of(notice(occasion, place=Place(name, "", 1.0, 1.0), order_id=name), name, language)
        assert name in hostile.text, "as it is, and never as a template"
        assert "<script" not in hostile.html
        assert "<img" not in hostile.html
        assert "49" not in hostile.html.replace("4006381333931", "") or "7 * 7" in hostile.html


def test_what_is_told_is_in_the_shops_own_time() -> None:
    german, english = (WORDS.of(notice(Occasion.READY), "", language) for language in ("de", "en"))
    assert german.subject == "Ihre Bestellung bei Mitte liegt bereit, bis Fr 15.01. 09:00"
    assert english.subject == "Your order at Mitte is ready, until Fri 15/01 at 09:00"
    assert "Eingang im Hof\nhttps://www.openstreetmap.org/?mlat=52.5&mlon=13.4" in german.text
    assert "- 2 x 4006381333931\n- 1 x B\n" in german.text
    assert "mlat=52.5&amp;mlon=13.4" in german.html
    assert WORDS.of(notice(Occasion.READY), "", "fr").subject == german.subject, "by the service's own language"


def test_an_operator_replaces_single_templates(tmp_path: Path) -> None:
    (tmp_path / "de").mkdir()
    (tmp_path / "de" / "ready.txt").write_text("Fertig, {{ name }}!\n\nKomm vorbei: {{ shop }}\n")
    (tmp_path / "de" / "ready.sms.txt").write_text("Fertig\n bis {{ until }}\n")
    words = TemplateWords(str(tmp_path), "de", "UTC", {})
    found = words.of(notice(Occasion.READY), "Ann", "de")
    assert (found.subject, found.text) == ("Fertig, Ann!", "Komm vorbei: Mitte\n")
    assert found.short == "Fertig bis Fr 15.01. 09:00"
    assert words.of(notice(Occasion.TURN), "Ann", "de").subject.startswith("Sie sind an der Reihe")
    for broken in (
        "{{ nobody_knows }}\n",
        "{% if %}\n",
        "\n\n",
        "{{ 1 / 0 }}\n",
        "{{ name() }}\n",
        "{{ name[:'a'] }}\n",
    ):
        (tmp_path / "de" / "ready.txt").write_text(broken)
        with pytest.raises(WordingFails):
            TemplateWords(str(tmp_path), "de", "UTC", {}).of(notice(Occasion.READY), "Ann", "de")
    (tmp_path / "de" / "ready.txt").write_bytes(b"Bereit \xff\n")  # as an editor with another encoding leaves it
    with pytest.raises(WordingFails):
        TemplateWords(str(tmp_path), "de", "UTC", {}).of(notice(Occasion.READY), "Ann", "de")


LATIN: Final = "Ihre Bestellung läge bereit\nGrüße {{ name }}\n".encode("latin-1")


@pytest.mark.parametrize("content", [LATIN, b"{{ nobody_knows }}\n", b"{% if %}\n", b"{{ 1 / 0 }}\n", b"\n\n"])
def test_templates_are_rendered_at_the_start_and_one_that_fails_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "messages.yaml").write_text(f"{GOOD}templates: {tmp_path}\n")
    settings = read_messages_file(tmp_path / "messages.yaml")
    prove_templates(settings)
    (tmp_path / "fr").mkdir()
    (tmp_path / "fr" / "ready.txt").write_bytes(content)
    with pytest.raises(MessagesFileError, match="fr, ready: "):
        prove_templates(settings)
    rules, desk = open_desk("sqlite:x", tmp_path / "messages.yaml", tmp_path / "key", lambda: 0)
    assert rules.rules, "a notifier that is there already sends the others"
    assert desk.words.of(notice(Occasion.READY), "", "de").subject
    with pytest.raises(WordingFails):
        desk.words.of(notice(Occasion.READY), "", "fr")
    with pytest.raises(MessagesFileError, match="no folder"):
        prove_templates(replace(settings, templates=str(tmp_path / "none")))


GOOD: Final = """
language: de
zone: Europe/Berlin
quiet: {from: "21:00", to: "08:00"}
email: {host: mail.example.com, address: shop@example.com}
sms: {url: "json://localhost/{to}", knows_copies: true}
rules:
  - {occasion: confirmed, channels: [email]}
  - {occasion: ready, channels: [email, sms], store_id: S1, quiet: false}
"""


def test_a_messages_file_says_rules_and_ways_out(tmp_path: Path) -> None:
    (tmp_path / "messages.yaml").write_text(GOOD)
    rules, desk = open_desk("sqlite:x", tmp_path / "messages.yaml", tmp_path / "key", lambda: 0)
    assert (rules.quiet_from, rules.quiet_to, rules.zone, rules.knows_copies) == (1_260, 480, "Europe/Berlin", (2,))
    own = rules.of(Occasion.READY, "S1")
    assert own is not None
    assert (own.channels, own.keeps_quiet, rules.of(Occasion.READY, "S2")) == ((1, 2), False, None)
    assert set(desk.ways) == {MessageChannel.EMAIL, MessageChannel.SMS}
    assert replace(rules, rules=()).attempts_max == 8


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("language: [", "does not hold"),
        ("surprise: 1", "surprise"),
        ("zone: Mars/North", "zone"),
        ('quiet: {from: "25:00", to: "08:00"}', "quiet.from"),
        ("quiet: {from: 2100, to: 800}", "quiet"),
        ("reminder_before: soon", "reminder_before"),
        ("attempts_max: 0", "attempts_max"),
        ("email: null", "email"),
        ("email: {host: x}", "address"),
        ("rules: [{occasion: lunch, channels: [email]}]", r"rules\[0\].occasion"),
        ("rules: [{occasion: ready, channels: [pigeon]}]", r"rules\[0\].channels"),
    ],
)
def test_a_messages_file_that_does_not_hold_is_refused_by_its_field(tmp_path: Path, line: str, said: str) -> None:
    path, field = tmp_path / "messages.yaml", line.partition(":")[0]
    lines = GOOD.splitlines()
    kept = [each for each in lines if not each.startswith(f"{field}:")]
    if field == "rules":
        kept = kept[: kept.index("  - {occasion: confirmed, channels: [email]}")]
    path.write_text("\n".join([line, *kept]))
    with pytest.raises(MessagesFileError, match=said):
        read_messages_file(path)
    with pytest.raises(MessagesFileError, match="cannot be read"):
        read_messages_file(tmp_path / "none.yaml")
