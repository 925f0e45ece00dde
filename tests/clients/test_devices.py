"""Devices by the clients and `holdfast device`, against a service of this process."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.client import BlockingChannelClient, Conflict, digest_of, make_token
from tests.clients.command import Command
from tests.clients.faults import LoseAnswer
from tests.clients.service import Service
from tests.clients.serving import serving_in_thread


@pytest.fixture
def run(service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Command]:
    service.shop("s1")
    monkeypatch.setenv("HOLDFAST_DATA_DIR", str(tmp_path))
    with serving_in_thread(service) as target:
        yield Command(service, target)


def test_a_device_is_added_once_also_where_the_answer_is_lost(run: Command) -> None:
    token = make_token()
    with BlockingChannelClient(run.target) as client:
        run.service.faults["AddDevice"].append(LoseAnswer())
        device = client.add_device("s1", "tablet-1", token)
        assert client.list_devices() == client.list_devices("s1") == (device,)
        assert client.find_devices([digest_of(token), digest_of("another")]) == (device, None)
        with pytest.raises(Conflict):
            client.add_device("s1", "tablet-1", make_token())
        run.service.faults["RevokeDevice"].append(LoseAnswer())
        client.revoke_device(device.device_id)
        assert client.find_devices([digest_of(token)]) == (None,)
    assert all(request.token_digest == digest_of(token) for request in run.service.asked("AddDevice")[:2])


def test_devices_by_command(run: Command, tmp_path: Path) -> None:
    assert run("device", "add", "s1", "tablet-1")["link"] == ""
    (tmp_path / "service.json").write_text(json.dumps({"pages": "http://127.0.0.1:8080"}))
    added = run("device", "add", "s1", "tablet-2")
    assert added["link"] == f"http://127.0.0.1:8080/enter#{added['token']}"
    elsewhere = run("device", "add", "s1", "tablet-3", "--pages", "https://shop.example/")
    assert elsewhere["link"] == f"https://shop.example/enter#{elsewhere['token']}"
    assert [one["name"] for one in run("device", "list")["devices"]] == ["tablet-1", "tablet-2", "tablet-3"]
    assert run("device", "add", "s1", "tablet-2", code=5)["error"]["reason"] == "DEVICE_NAME_TAKEN"
    assert run("device", "revoke", "s1", "tablet-2")["device"]["name"] == "tablet-2"
    assert run("device", "revoke", "s1", "tablet-2", code=4)["error"]["kind"] == "NotFound"
    assert "tablet-2" not in run.words("device", "list", "--store", "s1")
    assert "token" in run.words("device", "add", "s1", "tablet-2")
