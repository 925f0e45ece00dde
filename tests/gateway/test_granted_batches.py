"""Reserves of one batch under a limit of the whole chain: ledgers are asked together, each row has its own answer."""

from collections.abc import Callable
from typing import Any, Final

import grpc
import pytest
from msgspec.structs import replace

from actors.orders.commands import RequestGrant
from actors.protocol.messages import Entry
from actors.runtime.kinds import CUSTOMERS as CORE, SHOP
from actors.shop.commands import Grant, Reserve
from holdfast.v1 import reservation_service_pb2 as rs
from serve.routing.batcher import Overloaded
from serve.routing.shares import Room
from tests.gateway.front import Front
from tests.gateway.orders import BUYER, CUSTOMERS, customers, hosted, settle
from tests.gateway.test_grant_reports import OTHERS
from tests.gateway.test_limits import asked, limit, stocked

__all__ = ["stocked"]
CODE: Final = grpc.StatusCode


def row(key: str, customer_id: str, store_id: str = "S1", units: int = 1) -> rs.ReserveRequest:
    request = asked(key, units, store_id)
    request.customer_id = customer_id
    return request


def ask(front: Front, *rows: rs.ReserveRequest, timeout_ms: str = "") -> list[Any]:
    """What becomes of each row."""
    return list(front.ask("ReserveBatch", rs.ReserveBatchRequest(requests=rows), timeout_ms=timeout_ms).reply.outcomes)


def kinds(outcomes: list[Any]) -> list[str]:
    return [outcome.WhichOneof("result") for outcome in outcomes]


@pytest.fixture
def limited(stocked: Front) -> Front:
    """Two of A for each customer, over all shops; every actor has adopted it."""
    limit(stocked, 2)
    for store_id in ("S1", "S2"):
        stocked.accept("Reserve", row(f"w {store_id}", "warm", store_id))
    settle(stocked)
    return stocked


def steps(front: Front, first: int) -> list[tuple[str, list[type]]]:
    """The steps since, each with its actor and the kinds of its commands."""
    return [
        (actor, [type(command) for _, _, command in (CORE if actor == CUSTOMERS else SHOP).read_batch(args[0])[1]])
        for actor, method, args in front.actors.calls[first:]
        if method == "step"
    ]


def test_each_ledgers_actor_is_asked_once_for_all_rows(limited: Front) -> None:
    first = len(limited.actors.calls)
    rows = [row(f"k {name}", name, f"S{1 + place % 2}") for place, name in enumerate(OTHERS[:6])]
    assert kinds(ask(limited, *rows)) == ["reservation"] * 6
    assert sorted(steps(limited, first)) == [
        (CUSTOMERS, [RequestGrant] * 6),
        ("store-S1", [Reserve] * 3),
        ("store-S2", [Reserve] * 3),
    ]
    settle(limited)
    assert all(grant.reservation for grant in customers(limited).grants)


def test_each_row_has_its_own_answer_whatever_the_others_have(limited: Front) -> None:
    mine, other = OTHERS[:2]
    rows = [row("k1", mine, units=2), row("k2", mine, "S2"), row("k3", other, units=3), row("k4", other, "S3")]
    rows[3].lines[0].sku = "GONE"
    rows.append(row("k5", other))
    rows[4].channel = ""
    said = ask(limited, *rows)
    assert kinds(said) == ["reservation", "rejection", "rejection", "rejection", "error"]
    settle(limited)
    assert kinds(again := ask(limited, *rows)) == kinds(said)
    assert again[0] == said[0]
    settle(limited)
    assert [grant.held for grant in customers(limited).grants if grant.customer_id == mine] == [(("A", 2),)]


def sent_wrongly(front: Front, of: Callable[[Entry], bool], what: Any) -> Any:
    """A router's `submit` that does something else with entries of a kind, once."""
    submit, entries_of = front.gateway._router.submit, [of]

    def wrong(ledger_ids: Any, entries: Any, *args: Any, **named: Any) -> Any:
        if entries and entries_of and all(map(of, entries)):
            entries_of.clear()
            entries = what(entries)
        return submit(ledger_ids, entries, *args, **named)

    return wrong


def is_request(entry: Entry) -> bool:
    return isinstance(entry[1], RequestGrant)


def is_granted(entry: Entry) -> bool:
    return isinstance(entry[1], Reserve) and isinstance(entry[1].grant, Grant)


def test_rows_whose_grants_are_of_older_limits_get_others(limited: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    def older(entries: list[Entry]) -> list[Entry]:
        return [(of, replace(command, grant=replace(command.grant, policy_version=0))) for of, command in entries]  # type: ignore[union-attr, type-var]

    monkeypatch.setattr(limited.gateway._router, "submit", sent_wrongly(limited, is_granted, older))
    assert kinds(ask(limited, row("k1", OTHERS[0]), row("k2", OTHERS[1]))) == ["reservation"] * 2
    settle(limited)
    assert all(grant.reservation for grant in customers(limited).grants)


@pytest.mark.parametrize(
    ("of", "code"), [(is_request, CODE.RESOURCE_EXHAUSTED), (is_granted, CODE.UNAVAILABLE)], ids=["grants", "reserves"]
)
def test_rows_that_there_is_no_room_for_say_so_and_are_decided_later(
    limited: Front, monkeypatch: pytest.MonkeyPatch, of: Callable[[Entry], bool], code: grpc.StatusCode
) -> None:
    """Once a grant was given the outcome is unknown: it counts for the customer."""

    def refuse(_: Any) -> Any:
        raise Overloaded

    rows = [row("k1", OTHERS[0]), row("k2", OTHERS[1])]
    with monkeypatch.context() as patch:
        patch.setattr(limited.gateway._router, "submit", sent_wrongly(limited, of, refuse))
        said = ask(limited, *rows)
    assert kinds(said) == ["error"] * 2
    assert {outcome.error.code for outcome in said} == {code.value[0]}
    assert kinds(ask(limited, *rows)) == ["reservation"] * 2


def test_no_more_grants_are_fetched_at_once_than_a_gateway_may(limited: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limited.gateway._reconciler._grants, "room", Room(2, 2))
    rows = [row(f"k {name}", name) for name in OTHERS[:4]]
    said = ask(limited, *rows)
    assert kinds(said) == ["reservation"] * 2 + ["error"] * 2
    assert {outcome.error.code for outcome in said[2:]} == {CODE.RESOURCE_EXHAUSTED.value[0]}
    assert kinds(ask(limited, *rows[2:])) == ["reservation"] * 2


def test_a_row_that_waits_for_a_report_keeps_no_other_from_its_answer(limited: Front) -> None:
    """Two units were granted to a call that nobody has finished."""
    gateway = limited.gateway

    async def orphaned() -> Any:
        until = limited._runner.get_loop().time() + 5
        lines = (("A", 2),)
        asked_for = RequestGrant(BUYER, "web", "S1", "orphan", "", lines, lines)
        return await gateway._router.send((customers(limited).ledger_id, asked_for), until, promise=False)

    assert isinstance(limited.run(orphaned), Grant)
    said = ask(limited, row("k1", BUYER), row("k2", OTHERS[0]), timeout_ms="600")
    assert kinds(said) == ["error", "reservation"]
    assert said[0].error.code == CODE.UNAVAILABLE.value[0]
    assert not list(hosted(limited, "store-S1", "S1").live_of_customer(BUYER))
