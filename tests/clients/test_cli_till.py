"""`holdfast till`: the whole way of a customer at a counter, typed and as JSON, with the network and without."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from holdfast.client import BlockingChannelClient, Contact, Reservation
from holdfast.client.cli.app import app
from holdfast.client.till_allotments import now_ms
from tests.clients.command import Command
from tests.clients.service import Service
from tests.clients.serving import serving_in_thread


@pytest.fixture
def run(service: Service) -> Iterator[Command]:
    service.clock.at_ms = now_ms()  # a till without network goes by its machine's
    service.shop("s1", {"a": 9, "b": 9})
    with serving_in_thread(service) as target:
        yield Command(service, target)


@pytest.fixture
def file(tmp_path: Path) -> str:
    return str(tmp_path / "till")


def reserved(run: Command, *lines: tuple[str, int], customer_id: str = "ann") -> str:
    """The id of what is READY."""
    with BlockingChannelClient(run.target) as client:
        held = client.reserve("s1", lines or [("a", 2), ("b", 1)], customer_id=customer_id, channel="web")
        assert isinstance(held, Reservation)
        client.confirm(held.reservation_id)
        client.mark_ready(held.reservation_id)
        return held.reservation_id


def say(run: Command, file: str, *requests: Any, code: int = 0) -> list[Any]:
    """What a till answers, by one request a line: typed, or as objects."""
    lines = [each if isinstance(each, str) else json.dumps(each) for each in requests]
    told = run("till", "s1", "--file", file, "--timeout", "5s", stdin="\n".join(lines) + "\n", code=code)
    return told if isinstance(told, list) else [told]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"do": "collect", "words": ["s1:1"], "payment": 5}, "payment is text"),
        ({"do": "collect", "words": "s1:1", "payment": "p"}, "words is a list of texts"),
        ({"do": "collect", "words": ["s1:1"], "payment": "p", "id_checked": "no"}, "id_checked is bool"),
        ({"do": "take", "words": ["s1:1"], "ttl_ms": "2h"}, "ttl_ms is int"),
        ({"do": "sell", "lines": {"a": 1.9}}, "lines has whole units by SKU"),
        ({"do": "sell", "lines": {"a": True}}, "lines has whole units by SKU"),
        ({"do": "sell", "lines": [["a", 1]]}, "lines has whole units by SKU"),
        ({"do": "sell", "lines": {"a": 1}, "receipt": ["r1"]}, "receipt is text"),
        ({"do": "sell", "lines": {"a": 1}, "currency": "EUR"}, "unexpected keyword argument 'currency'"),
        ('{"do": "sell", "lines": {"a": 1e400}}', "lines has whole units by SKU"),
        ('{"do": ' + "[" * 100_000, "recursion"),
        ("{}", "required"),
        ("{1}", "not a request of a till"),
    ],
)
def test_a_request_of_other_kinds_of_values_is_refused_and_the_till_goes_on(
    run: Command, file: str, wrong: Any, said: str
) -> None:
    refused, sold = say(run, file, wrong, "sell a=1", code=1)
    assert (refused["error"]["kind"], said in refused["error"]["why"]) == ("Usage", True), refused
    assert sold["settled"]["applied"] == 1


def test_a_customer_comes_and_brings_something_back(run: Command, file: str) -> None:
    mine = reserved(run)
    with BlockingChannelClient(run.target) as client:
        code = client.get_pickup_code(mine)
    ready, scanned, some, rest, again = say(
        run,
        file,
        "ready",
        f"scan {code.short_code}",
        "collect a=1 --payment p1 --recipient 'neighbour 7' --id-checked",
        {"do": "collect", "words": [mine], "payment": "p2"},
        f"scan {code.code}",
    )
    assert [each["reservation_id"] for each in ready["reservations"]] == [mine]
    assert [each["reservation_id"] for each in scanned["reservations"]] == [mine]
    assert some["reservation"]["status"] == "READY"
    assert some["reservation"]["hand_over"]["recipient_id"] == "neighbour 7"
    assert rest["reservation"]["status"] == "COLLECTED"
    assert again["reservations"][0]["payment_reference"] == "p2"
    back, twice, stock = say(
        run,
        file,
        {"do": "return", "words": [mine], "lines": {"a": 2}, "unsellable": {"a": 1}, "refund": "r1"},
        f"return {mine} a=1 --refund r2",
        "stock a",
        code=1,
    )
    assert [line["returned"] for line in back["reservation"]["lines"]] == [2, 0]
    assert twice["rejection"]["reason"] == "QUANTITY_EXCEEDS_COLLECTED"
    assert stock["stock"]["positions"][0]["on_hand"] == 8


def test_a_till_that_is_cut_off_hands_out_what_was_left_to_it_and_settles(run: Command, file: str) -> None:
    mine, other = reserved(run), reserved(run, ("a", 1))
    with BlockingChannelClient(run.target) as client:
        code = client.get_pickup_code(mine)
    answers = say(
        run,
        file,
        "keys",
        f"take {mine}",
        "take b=2",
        "cut",
        f"scan {code.code}",
        "collect --payment p1",
        f"collect {other} --payment p2",
        "sell b=1 --receipt 1001",
        "settle",
        "plug",
        "settle",
        "give",
        code=1,
    )
    keys, given, units, cut, scanned, out, not_here, sold, unsaid, plugged, settled, over = answers
    assert (keys["keys"], given["reservation"]["till"], units["allotment"]["status"]) == (1, "till-1", "OPEN")
    assert (cut["cut_off"], plugged["cut_off"]) == (True, False)
    assert (scanned["code"]["reservation_id"], scanned["is_given"]) == (mine, True)
    assert out == {"do": "collect", "handed_out": mine, "is_said": False, "conflicts": []}
    assert not_here["error"]["kind"] in ("Unavailable", "OutcomeUnknown")
    assert (sold["settled"]["unsent"], unsaid["settled"]["unsent"]) == (1, 1)
    assert (settled["settled"]["applied"], settled["settled"]["handed_out"]) == (1, 1)
    assert [each["status"] for each in over["allotments"]] == ["RETURNED"]
    with BlockingChannelClient(run.target) as client:
        assert client.get_reservation(mine).status.name == "COLLECTED"
        assert client.get_reservation(other).status.name == "READY"


def test_a_failed_payment_leaves_the_hold(run: Command, file: str) -> None:
    mine = reserved(run)
    environment = {"HOLDFAST_TARGET": run.target}
    typed = f"scan {mine}\ncollect\n\nready\nquit\n"
    told = CliRunner().invoke(app, ["till", "s1", "--file", file], env=environment, input=typed)
    assert told.exit_code == 0
    assert f"{mine} is held as before" in told.output
    with BlockingChannelClient(run.target) as client:
        assert client.get_reservation(mine).status.name == "READY"
    typed = f"collect {mine}\np1\n"
    told = CliRunner().invoke(app, ["till", "s1", "--file", file], env=environment, input=typed)
    assert "COLLECTED" in told.output


def test_who_shows_nothing_is_found(run: Command, file: str) -> None:
    mine = reserved(run)
    with BlockingChannelClient(run.target) as client:
        client.put_contact(Contact("ann", telephone="+4930123456", display_name="Ann Lee"))
    found, collected = say(run, file, "find Ann Lee 3456", "collect --payment p1")
    assert found["reservations"][0]["reservation_id"] == collected["reservation"]["reservation_id"] == mine


def test_a_sale_comes_back_by_its_receipt_once(run: Command, file: str) -> None:
    sold, back, again = say(
        run, file, "sell a=2 b --receipt 7", "back a --receipt 7", {"do": "back", "lines": {"a": 1}, "receipt": "7"}
    )
    assert (sold["settled"]["applied"], back["settled"]["applied"], again["settled"]["applied"]) == (2, 1, 0)


BAD = [
    "steal a=1",
    "collect s1:9",
    "collect --payment",
    "collect --gift x",
    "collect --payment p1",
    "scan",
    "sell",
    "sell a=x",
    "find Lee",
    "find",
    "return s1:9",
    "take s1:9 --ttl soon",
    "collect 's1:9",
    '{"do": "collect", "gift": 1}',
    '{"lines": {"a": 1}}',
    '{"do": "sell", "lines": {"a": "x"}}',
    "{nonsense",
]


def test_what_is_no_request_is_said_so_and_the_till_goes_on(run: Command, file: str) -> None:
    *bad, helped = say(run, file, *BAD, "", "help", code=1)
    assert [each["error"]["kind"] for each in bad] == ["Usage"] * len(BAD)
    assert any(usage.startswith("collect") for usage in helped["help"])
