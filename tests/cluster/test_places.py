"""A place by its postcode, from the operator's table on disk through the gateway to the command."""

import json
from typing import Any

from typer.testing import CliRunner

from holdfast.client import ChannelClient, Order, Place
from holdfast.client.cli.app import app
from tests.cluster.callers import receive, with_client
from tests.cluster.service import Service


def command(service: Service, *arguments: str, code: int = 0) -> Any:
    """The JSON of a command against the service."""
    result = CliRunner().invoke(app, [*arguments, "--json"], env={"HOLDFAST_TARGET": service.address})
    assert result.exit_code == code, result.output
    return json.loads(result.stdout or result.stderr)


def test_shops_are_found_and_reserved_in_near_a_postcode(service: Service) -> None:
    async def main(client: ChannelClient) -> None:
        await receive(client, "S1", "globe", 5)
        await receive(client, "S8", "globe", 5)
        order = await client.reserve_near(
            [("globe", 1)], place=Place(postcode="75001", country="DE"), customer_id="ann", channel="web"
        )
        assert isinstance(order, Order)
        assert order.part.store_id == "S1"

    with_client(service, main)
    found = command(service, "find", "globe", "--postcode", "10 115")
    assert [one["store_id"] for one in found["candidates"]] == ["S8", "S1"]
    assert sum(row["stores"] for row in found["excluded"]) == 6
    near = command(service, "reserve", "globe=1", "--near", "fr:75001", "--customer", "ben")
    assert near["order"]["parts"][0]["store_id"] == "S1"


def test_a_postcode_that_is_not_in_the_table_names_the_field_and_what_to_do(service: Service) -> None:
    for arguments in (["find", "globe", "--postcode", "1"], ["reserve", "globe=1", "--near", "1", "--customer", "c"]):
        error = command(service, *arguments, code=2)["error"]
        assert "sourcing.place.postcode" in error["why"]
        assert "send latitude and longitude" in error["mend"]
    several = command(service, "find", "globe", "--postcode", "75001", code=2)["error"]
    assert "sourcing.place.country" in several["why"]
    assert "Name the country" in several["mend"]
