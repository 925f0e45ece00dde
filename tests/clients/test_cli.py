"""The `holdfast` command against a service of this process: answers and errors as JSON, exit codes, and tables."""

import json
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from typer.testing import CliRunner

from holdfast.client.cli.app import app
from holdfast.v1 import admin_service_pb2
from tests.clients.command import Command
from tests.clients.faults import CODE, Answer, Refuse
from tests.clients.service import NOW_S, Service
from tests.clients.serving import serving_in_thread
from tests.runtime.runtime_fixture import WAIT_S
from tests.waiting import until

NOBODY = "127.0.0.1:1"
NEAR = "48.2082,16.3738"
TIMES = {"ttl_default_ms": 1, "ttl_max_ms": 1, "collect_within_ms": 1}


@pytest.fixture
def run(service: Service) -> Iterator[Command]:
    service.shop("s1", {"a": 10, "b": 5})
    service.shop("s2")
    with serving_in_thread(service) as target:
        yield Command(service, target)


def test_a_reservation_from_hold_to_sale(run: Command) -> None:
    held = run("reserve", "s1", "a=2", "b", "--customer", "c1", "--channel", "web", "--ttl", "1h30m")["reservation"]
    name = held["reservation_id"]
    assert held["status"] == "HELD"
    assert [(line["sku"], line["quantity"]) for line in held["lines"]] == [("a", 2), ("b", 1)]
    assert held["expires_at_ms"] == (NOW_S + 5_400) * 1000
    assert run("confirm", name, "--collect-within", "24h")["reservation"]["status"] == "CONFIRMED"
    assert run("ready", name)["reservation"]["status"] == "READY"
    assert run("extend", name, "--ttl", "2h")["reservation"]["expires_at_ms"] == (NOW_S + 7_200) * 1000
    assert run("show", name)["reservation"]["status"] == "READY"
    sold = run("collect", name, "--payment", "p1", "--line", "a=2", "--line", "b=1")["reservation"]
    assert (sold["status"], sold["payment_reference"]) == ("COLLECTED", "p1")
    (asked,) = run.service.asked("CollectReservation")
    assert [(line.sku, line.quantity) for line in asked.lines] == [("a", 2), ("b", 1)]
    refused = run("release", name, "--reason", "no-show", code=1)["rejection"]
    assert refused["reason"] == "TRANSITION_NOT_ALLOWED"


def test_a_refusal_is_an_answer_with_exit_code_1(run: Command) -> None:
    refused = run("reserve", "s1", "a=99", "--customer", "c1", code=1)["rejection"]
    assert refused["reason"] == "INSUFFICIENT_STOCK"
    assert refused["short_lines"] == [{"sku": "a", "asked": 99, "available": 10}]
    words = run.words("reserve", "s1", "a=99", "--customer", "c1", code=1)
    assert "INSUFFICIENT_STOCK" in words
    assert "a: 10 of 99" in words


def test_the_key_given_is_the_key_sent(run: Command) -> None:
    first = run("reserve", "s1", "a", "--customer", "c1", "--key", "k1")
    assert run("reserve", "s1", "a", "--customer", "c1", "--key", "k1") == first
    assert [request.idempotency_key for request in run.service.asked("Reserve")] == ["k1", "k1"]


def test_reservations_are_listed(run: Command) -> None:
    ids = [run("reserve", "s1", "a", "--customer", "c1")["reservation"]["reservation_id"] for _ in range(3)]
    run("confirm", ids[1])
    listed = run("list", "s1", "--status", "held", "--limit", "5")["reservations"]
    assert [one["reservation_id"] for one in listed] == [ids[0], ids[2]]
    assert len(run("list", "s1", "--limit", "2")["reservations"]) == 2
    assert ids[1] in run.words("list", "s1")


def test_stock_is_moved_counted_kept_back_and_shown(run: Command) -> None:
    moved = run("stock", "adjust", "s1", "a=-3", "c=+7", "--kind", "correction", "--source", "wms", "--sequence", "1")
    assert moved["change"]["applied"] == 2
    (asked,) = run.service.asked("AdjustStock")
    assert asked.source == "wms"
    assert [(row.sku, row.delta, row.sequence, row.kind) for row in asked.adjustments] == [
        ("a", -3, 1, 4),
        ("c", 7, 2, 4),
    ]
    run("stock", "count", "s1", "b=4", "--holds", "excluded", "--as-of", "2023-12-09T01:00:00+01:00")
    (counted,) = run.service.asked("CountStock")
    assert (counted.holds, counted.as_of.seconds) == (2, NOW_S)
    run("stock", "safety", "s1", "b=1")
    (shop,) = run("stock", "show", "s1", "a", "b", "z")["stores"]
    assert [(one["sku"], one["on_hand"], one["available"], one["stocked"]) for one in shop["positions"]] == [
        ("a", 7, 7, True),
        ("b", 4, 3, True),
        ("z", 0, 0, False),
    ]
    assert [one["store_id"] for one in run("stock", "show", "s1,s2", "a")["stores"]] == ["s1", "s2"]
    assert "never stocked" in run.words("stock", "show", "s1", "z")


def test_movements_without_numbers_follow_each_other_however_many_rows_they_have(run: Command) -> None:
    rows = [f"x{number}=1" for number in range(500)]
    for _ in range(3):
        assert run("stock", "adjust", "s1", *rows, "--kind", "receipt")["change"]["applied"] == 500


def test_rows_after_a_gap_are_refused(run: Command) -> None:
    gap = run("stock", "adjust", "s1", "a=1", "--kind", "receipt", "--source", "w", "--sequence", "7", code=1)
    assert (gap["rejection"]["reason"], gap["rejection"]["available"]) == ("SOURCE_GAP", 1)


def test_shops_are_put_and_listed(run: Command, tmp_path: Path) -> None:
    place = ("--latitude", "48.2", "--longitude", "16.4")
    version = run("store", "put", "s2", "--name", "Second", *place, "--paused")["chain_version"]
    assert run("store", "put", "s3")["chain_version"] == version + 1
    listed = run("store", "list")
    assert [(shop["store_id"], shop["name"], shop["paused"]) for shop in listed["stores"]] == [
        ("s1", "", False),
        ("s2", "Second", True),
        ("s3", "", False),
    ]
    # What no option says stays: a shop that is paused in a hurry must not move to where the equator starts.
    for option, paused in (("--no-paused", False), ("--paused", True)):
        run("store", "put", "s2", option)
        shop = run("store", "list")["stores"][1]
        assert (shop["name"], shop["latitude"], shop["paused"]) == ("Second", 48.2, paused)
    listed = run("store", "list")
    # What is listed can be put again.
    file = tmp_path / "stores.json"
    file.write_text(json.dumps(listed))
    assert run("store", "put", "--file", str(file))["stores"] == 3
    assert run("store", "put", "--file", "-", stdin=json.dumps([{"store_id": "s4"}]))["stores"] == 1
    assert "Second" in run.words("store", "list")


def broken(store_id: str, *reservation_ids: str) -> admin_service_pb2.AffectedSlot:
    return admin_service_pb2.AffectedSlot(
        store_id=store_id,
        slot_start=Timestamp(seconds=NOW_S),
        taken=len(reservation_ids),
        capacity=1,
        reservation_ids=reservation_ids,
    )


def test_pickups_that_new_hours_broke_are_shown(run: Command, tmp_path: Path) -> None:
    assert run("store", "put", "s1")["affected"] == []
    assert "affected" not in run.words("store", "put", "s1")
    of_s1 = admin_service_pb2.PutStoresResponse(affected=[broken("s1", "s1:3", "s1:9")], affected_slots=1)
    of_s2 = admin_service_pb2.PutStoresResponse(chain_version=7, affected=[broken("s2", "s2:4")], affected_slots=1)
    run.service.faults["PutStores"].extend(Answer([each]) for each in (of_s1, of_s1, of_s1, of_s2))
    told = run("store", "put", "s1")
    assert told["affected_slots"] == 1
    assert told["affected"] == [
        {
            "store_id": "s1",
            "slot_start_ms": NOW_S * 1000,
            "taken": 2,
            "capacity": 1,
            "reservation_ids": ["s1:3", "s1:9"],
        }
    ]
    words = run.words("store", "put", "s1")
    assert "pickup slots affected" in words
    assert "s1:3, s1:9" in words
    # A file of more shops than one call takes: what each call says is shown.
    file = tmp_path / "stores.json"
    file.write_text(json.dumps([{"store_id": f"x{n}"} for n in range(1_025)]))
    told = run("store", "put", "--file", str(file))
    assert [len(request.stores) for request in run.service.asked("PutStores")[-2:]] == [1_024, 1]
    assert (told["affected_slots"], [slot["store_id"] for slot in told["affected"]]) == (2, ["s1", "s2"])
    assert told["chain_version"] == 7


def test_the_policy_is_shown_and_set(run: Command, tmp_path: Path) -> None:
    policy = run("policy", "show")["policy"]
    assert policy["ttl_default_ms"] == 7_200_000
    told = run("policy", "set", "--ttl-default", "30m")
    assert (told["pending"], told["pending_count"], told["uncounted_reservations"]) == ([], 0, 0)
    changed = told["policy"]
    assert changed == policy | {"version": policy["version"] + 1, "ttl_default_ms": 1_800_000}
    file = tmp_path / "policy.json"
    file.write_text(json.dumps({"policy": {**changed, "ttl_rules": [{"ttl_ms": 60_000, "channel": "web"}]}}))
    assert run("policy", "set", "--file", str(file))["policy"]["ttl_rules"][0]["channel"] == "web"
    # The file's version is no longer the one in force.
    file.write_text(json.dumps({"policy": changed}))
    assert run("policy", "set", "--file", str(file), code=5)["error"]["kind"] == "Conflict"
    words = run.words("policy", "show")
    assert "1m: web / all / all" in words
    assert "30m" in words


def test_ledgers_are_looked_into(run: Command) -> None:
    assert run("status", "s1")["ledgers"][0]["epoch"] == 1
    assert [one["store_id"] for one in run("status", "--all")["ledgers"]] == ["s1", "s2"]
    verified = run("verify", "--all")
    assert verified["holds"] is True
    assert [one["store_id"] for one in verified["verifications"]] == ["s1", "s2"]
    answer = admin_service_pb2.VerifyLedgerResponse(store_id="s1", version=2)
    answer.discrepancies.add(invariant="I1", subject="a", expected="4", found="5")
    run.service.faults["VerifyLedger"].extend([Answer([answer])] * 2)
    broken = run("verify", "s1", code=1)
    assert broken["holds"] is False
    assert broken["verifications"][0]["discrepancies"][0]["invariant"] == "I1"
    assert "I1 a: 4, not 5" in run.words("verify", "s1", code=1)
    assert run("verify", code=2)["error"]["kind"] == "Usage"


def test_ledgers_of_customers_are_looked_into_where_they_have_begun(three_shops: Service, run: Command) -> None:
    (part,) = run("reserve", "a=1", "--near", NEAR, "--customer", "c1")["order"]["parts"]
    begun = "customers/" + run("show", part["reservation_id"])["reservation"]["order_id"].partition("/")[0]
    shops = ["s1", "s2", "s3"]
    assert [one["store_id"] for one in run("status", "--all")["ledgers"]] == [*shops, begun]
    assert [one["store_id"] for one in run("status", "customers/0008")["ledgers"]] == ["customers/0008"]
    until(lambda: not run("verify", "--all")["orders"]["on_the_way"], within_s=WAIT_S, what="the order to be noted")
    verified = run("verify", "--all")
    assert [one["store_id"] for one in verified["verifications"]] == [*shops, begun]
    assert verified["holds"] is True
    assert verified["orders"] == {
        "holds": True,
        "discrepancies": [],
        "parts": 1,
        "orders": 1,
        "on_the_way": 0,
        "left_out": [],
        "barred": [],
        "not_compared": [],
    }
    assert "orders" not in run("verify", begun)
    answer = admin_service_pb2.VerifyOrdersResponse(left_out=["S9"])
    answer.discrepancies.add(invariant="I22", subject="0007/3.1 in s1", expected="reservation 5", found="none")
    three_shops.faults["VerifyOrders"].extend([Answer([answer])] * 2)
    contradicted = run("verify", "--all", code=1)
    assert (contradicted["holds"], contradicted["orders"]["holds"]) == (False, False)
    assert contradicted["orders"]["discrepancies"][0]["invariant"] == "I22"
    words = run.words("verify", "--all", code=1)
    assert "DO NOT AGREE" in words
    assert "I22 0007/3.1 in s1: reservation 5, not none" in words
    assert "S9" in words
    assert run("verify", begun)["holds"] is True


def test_watches_write_one_document_a_line(run: Command) -> None:
    held = run("reserve", "s1", "a", "--customer", "c1")["reservation"]
    run("reserve", "s1", "a=99", "--customer", "c1", code=1)
    told = run("watch", "events", "s1@2", "--count", "2")
    assert [(one["version"], one["kind"]) for one in told] == [(3, "Reserved"), (4, "Refused")]
    assert told[0]["change"]["reservation"]["reservation_id"] == held["reservation_id"]
    assert run("watch", "events", "s1@3", "--count", "1")["version"] == 4
    assert run("watch", "events", "--all", "--count", "1")["store_id"] == "s1"
    changed = run("watch", "availability", "s1", "--sku", "a", "--count", "1")
    assert (changed["version"], changed["positions"][0]["available"]) == (4, 9)
    assert "Reserved" in run.words("watch", "events", "s1@2", "--count", "1")
    assert "available" in run.words("watch", "availability", "s1", "--count", "1")


@pytest.mark.parametrize(
    ("fault", "code", "kind"),
    [
        (Refuse(CODE.INVALID_ARGUMENT, violations=[("lines", "too many")]), 2, "InvalidArgument"),
        (Refuse(CODE.NOT_FOUND), 4, "NotFound"),
        (Refuse(CODE.RESOURCE_EXHAUSTED, retry_after_ms=99_000), 3, "Overloaded"),
        (Refuse(CODE.PERMISSION_DENIED), 5, "PermissionDenied"),
        (Refuse(CODE.UNIMPLEMENTED), 5, "Unsupported"),
    ],
)
def test_errors_are_told_with_their_exit_code(run: Command, fault: Refuse, code: int, kind: str) -> None:
    run.service.faults["Reserve"].extend([fault, fault])
    told = run("reserve", "s1", "a", "--customer", "c1", code=code)
    assert told["exit_code"] == code
    error = told["error"]
    assert error["kind"] == kind
    assert (error["what"], error["where"], error["why"]) == ("Reserve", run.target, error["why"])
    assert error["mend"]
    if fault.violations:
        assert error["violations"] == [{"field": "lines", "description": "too many"}]
    if fault.retry_after_ms:
        assert error["retry_after_ms"] == 99_000
    words = run.words("reserve", "s1", "a", "--customer", "c1", code=code)
    assert words.startswith("holdfast: Reserve at")


def test_nobody_there_is_exit_code_3_and_names_the_key_to_repeat_with(service: Service) -> None:
    nobody = Command(service, NOBODY)
    told = nobody("confirm", "s1:1", "--key", "k1", "--timeout", "100ms", code=3)["error"]
    assert (told["kind"], told["idempotency_key"], told["where"]) == ("OutcomeUnknown", "k1", NOBODY)
    assert nobody("status", "s1", "--timeout", "100ms", code=3)["error"]["kind"] == "Unavailable"


def test_the_version_is_told(run: Command) -> None:
    assert run.words("--version") == f"holdfast {version('holdfast-client')}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["reserve", "s1"],
        ["reserve", "s1", "a=x", "--customer", "c"],
        ["reserve", "s1", "a=", "--customer", "c"],
        ["reserve", "s1", "a", "--customer", "c", "--ttl", "2 hours"],
        ["reserve", "s1", "a", "--customer", "c", "--ttl", "9999999999h"],
        ["reserve", "s1", "a", "--customer", "c", "--ttl", "9" * 400 + "h"],
        ["reserve", "s1", "a", "--customer", "c", "--timeout", ""],
        ["reserve", "s1", "\udcff", "--customer", "c"],
        ["release", "s1:1", "--reason", "replaced"],
        ["stock", "adjust", "s1", "a", "--kind", "sale"],
        ["stock", "count", "s1", "a=1", "--holds", "included", "--as-of", "2026-11-21T10:00:00"],
        ["store", "put"],
        ["store", "put", "s1", "--file", "-"],
        ["store", "put", "--file", "/nowhere/stores.json"],
        ["policy", "set"],
        ["status"],
        ["watch", "events"],
        ["watch", "events", "s1@x"],
        ["no-such-command"],
    ],
)
def test_wrong_usage_is_exit_code_2(service: Service, arguments: list[str]) -> None:
    told = Command(service, NOBODY)(*arguments, code=2)
    assert told["error"]["kind"] == "Usage"
    assert told["error"]["why"]


def test_the_address_is_found_in_the_data_directory(service: Service, tmp_path: Path) -> None:
    with serving_in_thread(service) as target:
        environment = {"HOLDFAST_DATA_DIR": str(tmp_path), "HOLDFAST_TARGET": None}
        (tmp_path / "service.json").write_text(json.dumps({"grpc": target, "pid": 1}))
        result = CliRunner().invoke(app, ["policy", "show", "--json"], env=environment)
        assert result.exit_code == 0, result.output
        # What is given goes first.
        arguments = ["policy", "show", "--json", "--target", NOBODY, "--timeout", "100ms"]
        assert CliRunner().invoke(app, arguments, env=environment).exit_code == 3


def test_without_an_address_the_default_is_asked(tmp_path: Path) -> None:
    environment = {"HOLDFAST_DATA_DIR": str(tmp_path), "HOLDFAST_TARGET": None}
    (tmp_path / "service.json").write_text("not JSON")
    arguments = ["policy", "show", "--json", "--timeout", "100ms"]
    result = CliRunner().invoke(app, arguments, env=environment)
    if result.exit_code == 3:
        assert json.loads(result.stderr)["error"]["where"] == "127.0.0.1:9000"


def test_every_command_writes_json_and_explains_itself() -> None:
    commands = [
        ["doctor"],
        ["reserve"],
        ["confirm"],
        ["ready"],
        ["collect"],
        ["release"],
        ["extend"],
        ["show"],
        ["list"],
        ["amend"],
        ["find"],
        ["explain"],
        ["slots"],
    ]
    commands += [["order", name] for name in ("show", "confirm", "ready", "collect", "release", "extend")]
    commands += [["status"], ["verify"], *(["stock", name] for name in ("adjust", "count", "show", "safety"))]
    commands += [["store", "list"], ["store", "put"], ["policy", "show"], ["policy", "set"], ["admin", "bar-claim"]]
    commands += [["admin", "readers"], ["admin", "drop-reader"], ["watch", "events"], ["watch", "availability"]]
    commands += [["transfer", name] for name in ("propose", "send", "receive", "cancel", "show", "list", "verify")]
    for command in commands:
        result = CliRunner().invoke(app, [*command, "--help"])
        assert result.exit_code == 0
        assert "--json" in result.output, command
        assert "--target" in result.output, command


@pytest.mark.parametrize(
    ("command", "document", "why"),
    [
        (["policy", "set"], {"policy": {**TIMES, "ttl_rulez": []}}, "ttl_rulez"),
        (["policy", "set"], {**TIMES, "ttl_rules": [{"ttl_ms": 1, "chanel": "web"}]}, "chanel"),
        (["store", "put"], {"stores": [{"store_id": "s1", "nme": "One"}]}, "nme"),
        (["store", "put"], {"stores": []}, "no shop"),
    ],
)
def test_a_file_with_a_misspelt_field_changes_nothing(
    run: Command, command: list[str], document: Any, why: str
) -> None:
    told = run(*command, "--file", "-", stdin=json.dumps(document), code=2)
    assert why in told["error"]["why"]
    assert "pydantic" not in told["error"]["why"]
    assert run.service.requests == []


def test_what_is_wrong_is_said_once(run: Command) -> None:
    run.service.faults["Reserve"].append(
        Refuse(CODE.INVALID_ARGUMENT, "lines[0].quantity: is 0", violations=(("lines[0].quantity", "is 0"),))
    )
    why = run("reserve", "s1", "a=0", "--customer", "c1", code=2)["error"]["why"]
    assert why.count("lines[0].quantity: is 0") == 1


def test_an_event_is_one_line_however_long_it_is(run: Command) -> None:
    rows = [f"{'s' * 60}{number}=1" for number in range(10)]
    run("stock", "adjust", "s1", *rows, "--kind", "receipt")
    assert len(run.words("watch", "events", "s1@2", "--count", "1").splitlines()) == 1
