"""`holdfast hot` against a service of this process."""

from collections.abc import Iterator

import pytest

from holdfast.client import BlockingChannelClient, Conflict
from tests.clients.command import Command
from tests.clients.service import Service
from tests.clients.serving import serving_in_thread


@pytest.fixture
def run(service: Service) -> Iterator[Command]:
    service.shop("s1", {"a": 10})
    with serving_in_thread(service) as target:
        yield Command(service, target)


def test_a_sku_is_promoted_listed_and_demoted(run: Command) -> None:
    assert run("hot", "list") == {"hot_skus": []}
    hot = run("hot", "promote", "a")["hot_sku"]
    assert (hot["sku"], hot["open"], hot["announced"], hot["closed_at_ms"]) == ("a", True, True, None)
    assert run("hot", "list") == {"hot_skus": [hot]}
    words = run.words("hot", "list")
    assert "announced" in words
    assert str(hot["starts_at_ms"]) not in words, "an instant is for people"
    closed = run("hot", "demote", "a")["hot_sku"]
    assert (closed["open"], closed["starts_at_ms"]) == (False, None)
    assert "closed" in run.words("hot", "demote", "a")


def test_one_is_announced_for_later(run: Command) -> None:
    hot = run("hot", "promote", "a", "--starts-in", "30m")["hot_sku"]
    assert (hot["open"], hot["announced"]) == (False, True)
    with BlockingChannelClient(run.target) as client:
        (known,) = client.list_hot_skus()
        assert (known.sku, known.starts_at_ms) == ("a", hot["starts_at_ms"])
        assert client.demote_sku("a").starts_at_ms is None
        revision = client.hot_skus_revision()
        assert client.promote_sku("a", expected_revision=revision).open
        with pytest.raises(Conflict, match="changed"):
            client.demote_sku("a", expected_revision=revision)
        assert client.promote_sku("a", expected_revision=revision).open, "as was asked for"
    assert run("hot", "promote", "x" * 65, code=2)["error"]["kind"] == "InvalidArgument"
