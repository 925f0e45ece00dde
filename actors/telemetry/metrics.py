"""What is measured, each figure declared once, and how a process counts: plain numbers, published once a second.

`docs/operations.md` says of each what to do where it is high. Names follow Prometheus: `_total` counts, `_seconds` are
times.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Final, NamedTuple

Labels = tuple[str, ...]

COLLECTION_VARIABLE: Final = "RAY_ENABLE_METRICS_COLLECTION"  # of Ray's own, in the environment of all its processes

_CALL_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_WRITE_SECONDS: Final = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)


class Kind(Enum):
    """How values are read: what only grows, what stands now, and times by buckets."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Metric(NamedTuple):
    """A figure. `bounds` are the upper bounds of a histogram's buckets, in seconds."""

    name: str
    kind: Kind
    text: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()


CALLS: Final = Metric("holdfast_calls_total", Kind.COUNTER, "Unary calls that ended.", ("method", "code"))
CALL_SECONDS: Final = Metric(
    "holdfast_call_seconds", Kind.HISTOGRAM, "Time of a unary call in its gateway.", ("method",), _CALL_SECONDS
)
CALLS_INSIDE: Final = Metric("holdfast_calls_inside", Kind.GAUGE, "Unary calls that a gateway is answering.")
QUEUE_AGE_SECONDS: Final = Metric(
    "holdfast_queue_age_seconds", Kind.GAUGE, "The longest wait before an actor, of the last ten seconds."
)
DECISIONS: Final = Metric(
    "holdfast_decisions_total", Kind.COUNTER, "Commands that actors decided, by refusal or ACCEPTED.", ("reason",)
)
JOURNAL_SECONDS: Final = Metric(
    "holdfast_journal_seconds", Kind.HISTOGRAM, "Time of a durable write.", (), _WRITE_SECONDS
)
RECOVERIES: Final = Metric("holdfast_recoveries_total", Kind.COUNTER, "Ledgers taken over at the start of an actor.")
RECOVERY_SECONDS: Final = Metric("holdfast_recovery_seconds", Kind.GAUGE, "Time of the actor's last recovery.")
EXPIRIES: Final = Metric("holdfast_expiries_total", Kind.COUNTER, "Reservations and orders that expired.")
LEDGERS_STOPPED: Final = Metric("holdfast_ledgers_stopped", Kind.GAUGE, "Ledgers that are not served.")
ORDERS_STUCK: Final = Metric(
    "holdfast_orders_stuck", Kind.GAUGE, "What waits for another ledger for over a minute.", ("kind",)
)
HOT_SKUS: Final = Metric("holdfast_hot_skus", Kind.GAUGE, "SKUs that have a ledger of their own now.")

METRICS: Final = (
    CALLS,
    CALL_SECONDS,
    CALLS_INSIDE,
    QUEUE_AGE_SECONDS,
    DECISIONS,
    JOURNAL_SECONDS,
    RECOVERIES,
    RECOVERY_SECONDS,
    EXPIRIES,
    LEDGERS_STOPPED,
    ORDERS_STUCK,
    HOT_SKUS,
)


class Times:
    """A histogram: by labels, how many times fell into each bucket."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self.rows: dict[Labels, list[int]] = {}

    def row(self, labels: Labels = ()) -> list[int]:
        """The buckets under these labels, the last for what is above all bounds."""
        return self.rows.setdefault(labels, [0] * (len(self._bounds) + 1))

    def observe(self, seconds: float, labels: Labels = ()) -> None:
        self.row(labels)[bisect_left(self._bounds, seconds)] += 1


class Figures:
    """The figures of one process. Each has one writer at a time; they are read by the thread that publishes them."""

    def __init__(self) -> None:
        self.counts: dict[Metric, defaultdict[Labels, int]] = {}
        self.times: dict[Metric, Times] = {}
        self.gauges: dict[Metric, Callable[[], Mapping[Labels, float]]] = {}

    def counter(self, metric: Metric) -> defaultdict[Labels, int]:
        return self.counts.setdefault(metric, defaultdict(int))

    def histogram(self, metric: Metric) -> Times:
        return self.times.setdefault(metric, Times(metric.bounds))

    def gauge(self, metric: Metric, read: Callable[[], Mapping[Labels, float]]) -> None:
        """Have a value asked for whenever it is published, from another thread."""
        self.gauges[metric] = read
