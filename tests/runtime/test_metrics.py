"""Figures: what actors and processes count, and what of it is handed to Ray, once each."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import enumerate as threads
from typing import Any, Final

import pytest

from actors import ray_metrics
from actors.core.policy import DAY_MS
from actors.protocol.messages import pack_batch
from actors.ray_metrics import Publisher, publish_figures
from actors.telemetry.metrics import (
    CALL_SECONDS,
    CALLS,
    COLLECTION_VARIABLE,
    DECISIONS,
    EXPIRIES,
    HOT_SKUS,
    JOURNAL_SECONDS,
    LEDGERS_STOPPED,
    METRICS,
    RECOVERIES,
    Figures,
    Kind,
)
from serve.config.environment import SWITCHES, service_environment
from tests.journal.storages import Storage
from tests.runtime.runtime_fixture import WAIT_S, ManualClock
from tests.runtime.shop import Shop
from tests.shop.scenario_text import command_of

OK: Final = ("Reserve", "OK")


class InRay:
    """A metric of Ray's, by what it was told."""

    told: Final[defaultdict[str, list[tuple[float, dict[str, str]]]]] = defaultdict(list)

    def __init__(self, name: str, text: str, *more: Any) -> None:
        assert text
        self._name, self._tag_keys = name, more[-1]

    def inc(self, value: float, tags: Mapping[str, str]) -> None:
        assert value > 0
        assert set(tags) == set(self._tag_keys)
        self.told[self._name].append((value, dict(tags)))

    set = observe = inc


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, list[tuple[float, dict[str, str]]]]]:
    """What Ray is told by metric."""
    for name in ("Counter", "Gauge", "Histogram"):
        monkeypatch.setattr(ray_metrics, name, InRay)
    yield InRay.told
    InRay.told.clear()


def test_what_has_changed_is_handed_over_once(told: Mapping[str, list[Any]]) -> None:
    figures = Figures()
    counts = figures.counter(CALLS)
    figures.gauge(HOT_SKUS, lambda: {(): 3})
    publisher = Publisher(figures, "gateway")
    counts[OK] += 2
    publisher.publish()
    publisher.publish()
    counts[OK] += 1
    publisher.publish()
    tags = {"method": "Reserve", "code": "OK", "process": "gateway"}
    assert told[CALLS.name] == [(2, tags), (1, tags)]
    assert told[HOT_SKUS.name] == [(3, {"process": "gateway"})] * 3  # what stands is said each time


def test_times_are_in_their_buckets(told: Mapping[str, list[Any]]) -> None:
    figures = Figures()
    times, publisher = figures.histogram(CALL_SECONDS), Publisher(figures, "gateway")
    given = [0.0004, 0.001, 0.0011, 0.0019, 0.05, 0.05, 0.05, 11.0, 21.0, *[0.3] * (2 * ray_metrics.AT_ONCE_MAX)]
    for place, seconds in enumerate(given):
        times.observe(seconds, ("Reserve",))
        if place == 5:
            publisher.publish()
    publisher.publish()
    publisher.publish()
    observed = [seconds for seconds, _ in told[CALL_SECONDS.name]]
    bounds = (*CALL_SECONDS.bounds, float("inf"))
    assert [sum(each <= bound for each in observed) for bound in bounds] == [
        sum(each <= bound for each in given) for bound in bounds
    ]


def test_where_ray_collects_nothing_nothing_is_published(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(COLLECTION_VARIABLE, "0")
    publish_figures(Figures(), "gateway")
    assert "metrics" not in {thread.name for thread in threads()}


def test_ray_collects_where_metrics_have_a_port() -> None:
    assert SWITCHES[COLLECTION_VARIABLE] == "0"
    with TemporaryDirectory(prefix="hf-", dir="/tmp") as run_dir:  # short, as sockets need it
        ground = service_environment(Path(run_dir), 0, metrics=9464)
    ground.guard.close()
    assert ground.environment[COLLECTION_VARIABLE] == "1"


def test_names_say_what_they_are() -> None:
    for metric in METRICS:
        assert metric.name.endswith("_total") == (metric.kind is Kind.COUNTER)
        assert bool(metric.bounds) == (metric.kind is Kind.HISTOGRAM)
        assert metric.name.startswith("holdfast_")
    assert len({metric.name for metric in METRICS}) == len(METRICS)


def test_an_actor_counts_decisions_expiries_writes_and_recoveries(storage: Storage, clock: ManualClock) -> None:
    shop = Shop(storage.open(), clock)
    shop.say("receive A 10", "r1")
    texts = ["reserve ann A 2", "reserve bob A 3", "reserve cid A 99", "reserve dan none 1", "reserve cid A 99"]
    shop.actor.step(pack_batch(1, [("S1", command_of(text, f"k{place}")) for place, text in enumerate(texts)]))
    figures = shop.actor.figures.all
    assert figures.counts[DECISIONS] == {("ACCEPTED",): 3, ("INSUFFICIENT_STOCK",): 2, ("SKU_NOT_STOCKED",): 1}
    assert shop.actor.recovered.wait(WAIT_S)
    assert figures.counts[RECOVERIES] == {(): 0}
    writes = sum(figures.times[JOURNAL_SECONDS].rows[()])
    assert writes == 2
    clock.at_ms += 3 * DAY_MS
    shop.actor.host.sweep()
    assert figures.counts[EXPIRIES] == {(): 2}
    assert sum(figures.times[JOURNAL_SECONDS].rows[()]) == writes + 1
    shop.actor.close()
    next_shop = Shop(storage.open(), clock)
    figures = next_shop.actor.figures.all
    assert next_shop.actor.recovered.wait(WAIT_S)
    assert figures.counts[RECOVERIES] == {(): 1}
    assert figures.gauges[LEDGERS_STOPPED]() == {(): 0}
    next_shop.actor.close()
