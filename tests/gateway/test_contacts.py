"""Contacts as callers meet them: refused by field, kept and erased, and in no ledger and no log line."""

import json
import logging
import threading
from pathlib import Path
from typing import Any, Final

import grpc
import pytest

from actors.contacts.address_book import AddressBook
from actors.contacts.open import FILE
from holdfast.v1 import contact_pb2, contact_service_pb2 as cs, error_pb2
from serve.calls import TIMEOUT_KEY
from serve.services.contacts import Contacts, without_key
from tests.gateway.front import Context, Front, reserve_request

EMAIL: Final = contact_pb2.MESSAGE_CHANNEL_EMAIL
SMS: Final = contact_pb2.MESSAGE_CHANNEL_SMS
ANN: Final[dict[str, Any]] = {
    "customer_id": "customer of r1",
    "email": "ann.secret@example.com",
    "telephone": "+4930987654321",
    "language": "de",
    "display_name": "Ann Geheim",
    "consents": [{"channel": EMAIL, "granted": True}],
}
SECRETS: Final = ("ann.secret", "30987654321", "Geheim")


def put(key: str, **changed: Any) -> cs.PutContactRequest:
    return cs.PutContactRequest(idempotency_key=key, contact={**ANN, **changed})


def contact(front: Front, customer_id: str = "customer of r1") -> contact_pb2.Contact:
    found: contact_pb2.Contact = front.accept("GetContact", cs.GetContactRequest(customer_id=customer_id)).contact
    return found


def test_a_contact_is_put_found_consented_to_and_erased(front: Front) -> None:
    assert front.accept("PutContact", put("k1")).contact_change.entries == 2
    found = contact(front)
    assert found.consents[0].said_at.seconds == front.clock.at_ms // 1_000
    found.consents[0].ClearField("said_at")
    assert found == contact_pb2.Contact(**ANN)
    request = cs.FindContactsRequest(display_name="geheim", last_digits="4321")
    assert [each.email for each in front.accept("FindContacts", request).contacts] == [ANN["email"]]
    said = cs.SetConsentRequest(idempotency_key="k2", customer_id=found.customer_id, channel=SMS, granted=False)
    front.accept("SetConsent", said)
    assert [(each.channel, each.granted) for each in contact(front).consents] == [(EMAIL, True), (SMS, False)]
    erase = cs.EraseContactRequest(idempotency_key="k3", customer_id=found.customer_id)
    assert [front.accept("EraseContact", erase).contact_change.entries for _ in range(2)] == [2, 2]
    gone = front.ask("GetContact", cs.GetContactRequest(customer_id=found.customer_id))
    assert (gone.code, gone.reason) == (grpc.StatusCode.NOT_FOUND, "CONTACT_UNKNOWN")


def test_a_key_that_was_used_for_something_else_is_a_refusal(front: Front) -> None:
    front.accept("PutContact", put("k1"))
    for method, request in (
        ("PutContact", put("k1", email="other@example.com")),
        ("SetConsent", cs.SetConsentRequest(idempotency_key="k1", customer_id="x", channel=SMS)),
        ("EraseContact", cs.EraseContactRequest(idempotency_key="k1", customer_id="x")),
    ):
        rejection = front.accept(method, request).rejection
        assert rejection.reason == error_pb2.REASON_IDEMPOTENCY_KEY_REUSED
        assert rejection.message


BAD: Final[list[tuple[str, dict[str, Any]]]] = [
    ("customer_id", {"customer_id": ""}),
    ("customer_id", {"customer_id": "x" * 129}),
    ("purchase_id", {"purchase_id": "17"}),
    ("purchase_id", {"purchase_id": "S1:0"}),
    ("purchase_id", {"purchase_id": "0064/17"}),
    ("email", {"email": "", "telephone": ""}),
    *(("email", {"email": text}) for text in ("ann", "a@b", "a b@c.de", "a@c.de\n", "a@c.de\r\nBcc: x@y.de", "@c.de")),
    *(("email", {"email": text}) for text in ('"a b"@c.de', "a@-c.de", "a..b@c.de", "ann@exa mple.com", "a,b@c.de")),
    ("email", {"email": "x" * 250 + "@c.de"}),
    *(("telephone", {"telephone": text}) for text in ("030123456", "+0301234567", "+49 30 123", "+49", "+" + "1" * 16)),
    *(("language", {"language": text}) for text in ("deu", "DE", "d", "de-AT")),
    ("display_name", {"display_name": "Ann\x00"}),
    ("display_name", {"display_name": "Ann\nBcc: x"}),
    ("display_name", {"display_name": "x" * 129}),
    ("consents[0].channel", {"consents": [{"granted": True}]}),
    ("consents[1].channel", {"consents": [{"channel": SMS}, {"channel": SMS, "granted": True}]}),
    ("consents", {"consents": [{"channel": SMS}] * 9}),
    ("preferred_channel", {"preferred_channel": 9}),
]


@pytest.mark.parametrize(("field", "changed"), BAD)
def test_a_bad_field_is_refused_by_its_name(shared: Front, field: str, changed: dict[str, Any]) -> None:
    found = shared.ask("PutContact", put(f"bad {field} {changed}"[:128], **changed))
    assert (found.code, set(found.fields)) == (grpc.StatusCode.INVALID_ARGUMENT, {f"contact.{field}"}), found
    assert not any(secret in found.message for secret in SECRETS)


def test_other_calls_are_refused_by_field_too(shared: Front) -> None:
    for method, request, fields in (
        ("PutContact", cs.PutContactRequest(), {"idempotency_key", "contact"}),
        ("GetContact", cs.GetContactRequest(purchase_id="x"), {"customer_id", "purchase_id"}),
        ("FindContacts", cs.FindContactsRequest(last_digits="12a4"), {"display_name", "last_digits"}),
        ("SetConsent", cs.SetConsentRequest(), {"idempotency_key", "customer_id", "channel"}),
        ("EraseContact", cs.EraseContactRequest(), {"idempotency_key", "customer_id"}),
    ):
        found = shared.ask(method, request)
        assert (found.code, set(found.fields)) == (grpc.StatusCode.INVALID_ARGUMENT, fields), found


@pytest.mark.parametrize("email", ["a@c.de", "ann+x_y.z@mail.example.co.uk", "o'neill@x.de", "A1@b-c.de"])
def test_addresses_that_mail_servers_take_are_taken(shared: Front, email: str) -> None:
    assert shared.accept("PutContact", put(f"good {email}", customer_id=email, email=email)).contact_change.entries == 2


def test_nothing_of_it_is_in_a_ledger_or_a_log_line(
    front: Front, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Every call succeeds and fails with the ids of a caller, at the level that tells most."""
    caplog.set_level(logging.DEBUG)

    async def traced(method: str, request: Any) -> Any:
        context = Context()
        context.invocation_metadata = lambda: [("x-request-id", "r"), (TIMEOUT_KEY, "9000")]  # type: ignore[method-assign]
        return await getattr(front.gateway, method)(request.SerializeToString(), context)

    customer = ANN["customer_id"]
    requests: list[tuple[str, Any]] = [
        ("PutContact", put("k1")),
        ("PutContact", put("k1", email="second.secret@example.com")),
        ("PutContact", put("k2", telephone="30987654321")),
        ("GetContact", cs.GetContactRequest(customer_id=customer)),
        ("FindContacts", cs.FindContactsRequest(display_name="Geheim", last_digits="4321")),
        ("SetConsent", cs.SetConsentRequest(idempotency_key="k4", customer_id=customer, channel=SMS)),
        ("Reserve", reserve_request("r1")),
    ]
    for method, request in requests:
        front.run(lambda method=method, request=request: traced(method, request))  # type: ignore[misc]
    lines = [json.dumps(record.__dict__, default=str) for record in caplog.records]
    assert any("PutContact" in line for line in lines)
    assert [line for line in lines if any(secret in line for secret in SECRETS)] == []
    images = [bytes(disk.image) for disk in front.actors.disks.values()]
    assert any(b"customer of r1" in image for image in images), "the order is there"
    kept = [*images, *(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())]
    assert [image for image in kept if any(secret.encode() in image for secret in SECRETS)] == []


def test_without_a_key_or_with_another_one_contacts_alone_are_refused(front: Front, tmp_path: Path) -> None:
    front.accept("PutContact", put("k1"))
    front.gateway._unary |= Contacts(without_key).calls
    found = front.ask("PutContact", put("k2"))
    assert (found.code, found.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "CONTACTS_WITHOUT_KEY")
    front.gateway._unary |= Contacts(front.open_book).calls
    (tmp_path / "contacts.key").write_text("A" * 43 + "=")
    found = front.ask("PutContact", put("k2"))
    assert (found.code, found.reason) == (grpc.StatusCode.DATA_LOSS, "CONTACTS_UNREADABLE")
    (tmp_path / FILE).rename(tmp_path / "elsewhere")
    (tmp_path / FILE).mkdir()
    found = front.ask("PutContact", put("k2"))
    assert (found.code, found.reason) == (grpc.StatusCode.UNAVAILABLE, "CONTACTS_AWAY")
    assert found.retry_after_ms
    assert front.reserve("r2").reservation.reservation_id


def test_a_store_that_hangs_ends_the_call_in_time(front: Front) -> None:
    goes_on = threading.Event()

    def hang() -> AddressBook:
        goes_on.wait()
        return front.open_book()

    front.gateway._unary |= Contacts(hang).calls
    found = front.ask("GetContact", cs.GetContactRequest(customer_id="x"), timeout_ms="50")
    goes_on.set()
    assert (found.code, found.reason) == (grpc.StatusCode.UNAVAILABLE, "CONTACTS_AWAY")
