"""DeviceService as callers meet it."""

from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import grpc
import pytest

from actors import chain_actor
from actors.protocol.formats import FIRST, Writing
from holdfast.v1 import device_service_pb2 as ds
from serve.services import devices
from tests.gateway.front import Answer, Front
from tests.gateway.hot import OtherGateway
from tests.runtime.runtime_fixture import ManualClock


def digest(token: str) -> bytes:
    return sha256(token.encode()).digest()


def add(front: Front, token: str, name: str = "tablet-1", store_id: str = "S1") -> Answer:
    return front.ask("AddDevice", ds.AddDeviceRequest(store_id=store_id, name=name, token_digest=digest(token)))


def listed(front: Front, store_id: str = "") -> list[tuple[str, str]]:
    found = front.accept("ListDevices", ds.ListDevicesRequest(store_id=store_id)).devices
    return [(each.store_id, each.name) for each in found]


def found(front: Any, *tokens: str) -> list[str]:
    request = ds.FindDevicesRequest(token_digests=[digest(token) for token in tokens])
    return [each.name for each in front.accept("FindDevices", request).devices]


def test_a_device_is_found_by_its_token_until_it_is_revoked(front: Front) -> None:
    device = add(front, "one").reply.device
    assert (device.store_id, device.name, device.HasField("added_at")) == ("S1", "tablet-1", True)
    assert add(front, "one").reply.device == device, "a repeat is the same device"
    add(front, "two", "tablet-2")
    add(front, "three", store_id="S2")
    assert listed(front) == [("S1", "tablet-1"), ("S1", "tablet-2"), ("S2", "tablet-1")]
    assert listed(front, "S2") == [("S2", "tablet-1")]
    assert found(front, "two", "none", "one") == ["tablet-2", "", "tablet-1"]
    for _ in range(2):
        front.accept("RevokeDevice", ds.RevokeDeviceRequest(device_id=device.device_id))
    assert found(front, "two", "one") == ["tablet-2", ""]
    assert listed(front) == [("S1", "tablet-2"), ("S2", "tablet-1")]


def test_what_is_revoked_at_one_gateway_is_let_in_by_none(front: Front) -> None:
    device = add(front, "one").reply.device
    with closing(OtherGateway(front)) as other:
        assert found(other, "one") == ["tablet-1"]
        front.accept("RevokeDevice", ds.RevokeDeviceRequest(device_id=device.device_id))
        assert found(other, "one") == [""]


def test_names_and_tokens_are_taken_once(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    add(front, "one")
    for refused in (add(front, "two"), add(front, "one", "tablet-2")):
        assert (refused.code, refused.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "DEVICE_NAME_TAKEN")
    unknown = add(front, "two", store_id="S9")
    assert (unknown.code, unknown.reason) == (grpc.StatusCode.NOT_FOUND, "STORE_UNKNOWN")
    monkeypatch.setattr(chain_actor, "DEVICES_MAX", 1)
    monkeypatch.setattr(devices, "DEVICES_MAX", 1)
    assert add(front, "three", "tablet-3").reason == "TOO_MANY_DEVICES"


def test_what_is_malformed_is_refused_by_name(front: Front) -> None:
    short = ds.AddDeviceRequest(store_id="S1", name="a\nb", token_digest=b"short")
    assert front.ask("AddDevice", short).fields == ["name", "token_digest"]
    assert front.ask("FindDevices", ds.FindDevicesRequest()).fields == ["token_digests"]
    assert front.ask("FindDevices", ds.FindDevicesRequest(token_digests=[b""])).fields == ["token_digests[0]"]
    assert front.ask("RevokeDevice", ds.RevokeDeviceRequest()).fields == ["device_id"]
    assert front.ask("ListDevices", ds.ListDevicesRequest(store_id="S 1")).fields == ["store_id"]


def test_a_service_of_the_first_format_says_what_it_needs(tmp_path: Path) -> None:
    with Front(tmp_path, ManualClock(), writing=Writing(FIRST)) as front:
        refused = add(front, "one")
        assert (refused.code, refused.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "FORMAT_NOT_RAISED")
