"""`holdfast transfer`, against a service of this process."""

from collections.abc import Iterator

import pytest

from holdfast.client import BlockingChannelClient, LossBearer, Rejection, Transfer, TransferStatus
from tests.clients.command import Command
from tests.clients.faults import LoseAnswer
from tests.clients.service import Service
from tests.clients.serving import serving_in_thread


@pytest.fixture
def run(service: Service) -> Iterator[Command]:
    service.shop("s1", {"a": 9, "b": 2})
    service.shop("s2")
    with serving_in_thread(service) as target:
        yield Command(service, target)


def test_a_transfer_is_proposed_sent_received_and_shown(run: Command) -> None:
    proposed = run("transfer", "propose", "s1", "s2", "a=5", "b", "--arrives-in", "2h")["transfer"]
    transfer = proposed["transfer_id"]
    assert (proposed["status"], proposed["sent_at_ms"]) == ("PROPOSED", None)
    assert proposed["expected_at_ms"] == proposed["created_at_ms"] + 7_200_000
    sent = run("transfer", "send", transfer, "--arrives-in", "4h")["transfer"]
    assert sent["expected_at_ms"] == proposed["expected_at_ms"] + 7_200_000
    assert [one["transfer_id"] for one in run("transfer", "list", "s2", "--status", "sent")["transfers"]] == [transfer]
    assert run("transfer", "verify")["transfers"]["units_in_transit"] == 6
    received = run("transfer", "receive", "s2", transfer, "a=4", "b=1", "--borne-by", "source")["transfer"]
    assert (received["status"], received["loss_bearer"]) == ("RECEIVED", "SOURCE")
    assert received["lines"] == [
        {"sku": "a", "quantity": 5, "received": 4},
        {"sku": "b", "quantity": 1, "received": 1},
    ]
    words = run.words("transfer", "show", transfer)
    assert "4 of 5 x a, 1 of 1 x b" in words
    assert "SOURCE" in words
    told = run("transfer", "verify")["transfers"]
    assert (told["holds"], told["units_missing"], told["units_short"]) == (True, 0, 1)
    assert transfer in run.words("transfer", "list", "s1")


def test_a_refusal_ends_with_one(run: Command) -> None:
    refused = run("transfer", "propose", "s1", "s2", "a=99", code=1)["rejection"]
    assert refused["reason"] == "INSUFFICIENT_STOCK"
    transfer = run("transfer", "propose", "s1", "s2", "a")["transfer"]["transfer_id"]
    assert run("transfer", "cancel", transfer)["transfer"]["status"] == "CANCELLED"
    refused = run("transfer", "send", transfer, code=1)["rejection"]
    assert (refused["reason"], refused["transfer_status"]) == ("TRANSFER_STEP_NOT_ALLOWED", "CANCELLED")
    assert run("transfer", "show", "s1:T99", code=4)["error"]["kind"] == "NotFound"
    assert run("transfer", "show", "s1:99", code=2)["error"]["kind"] == "InvalidArgument"


def test_threads_move_units_and_ask_again_by_themselves(run: Command) -> None:
    with BlockingChannelClient(run.target) as client:
        run.service.faults["ProposeTransfer"].append(LoseAnswer())
        proposed = client.propose_transfer("s1", "s2", [("a", 3)])
        assert isinstance(proposed, Transfer)
        run.service.faults["SendTransfer"].append(LoseAnswer())
        assert isinstance(client.send_transfer(proposed.transfer_id), Transfer)
        run.service.faults["ReceiveTransfer"].append(LoseAnswer())
        received = client.receive_transfer("s2", proposed.transfer_id, [("a", 0)])
        assert isinstance(received, Transfer)
        assert received.differences() == (("a", -3),)
        assert received.loss_bearer is LossBearer.CARRIER
        again = client.receive_transfer("s2", proposed.transfer_id)
        assert isinstance(again, Rejection)
        assert again.transfer_status is TransferStatus.RECEIVED
        assert client.get_transfer(proposed.transfer_id).status is TransferStatus.RECEIVED
        assert [one.status for one in client.list_transfers("s1", statuses=[TransferStatus.RECEIVED])] == [
            TransferStatus.RECEIVED
        ]
        assert client.verify_transfers().units_missing == 0
