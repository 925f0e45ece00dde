"""Publishes a process's figures by Ray, whose agent on each node serves those of all its processes on one port.

Ray puts `ray_` before each name. A library call takes 2 to 4 us: what is counted is handed over once a second.
"""

import logging
import os
from collections.abc import Mapping
from threading import Event, Thread
from typing import Any, Final

from ray.util.metrics import Counter, Gauge, Histogram

from actors.telemetry.metrics import COLLECTION_VARIABLE, Figures, Kind, Labels, Metric

EVERY_S: Final = 1.0
AT_ONCE_MAX: Final = 100  # observations, before the threads that answer have their turn
PAUSE_S: Final = 0.001
PROCESS_LABEL: Final = "process"

log = logging.getLogger("holdfast.metrics")


class Publisher:
    """The figures of one process, as far as they were handed to Ray."""

    def __init__(self, figures: Figures, process: str) -> None:
        self._figures = figures
        self._process = process
        self._made: dict[Metric, Any] = {}
        self._counted: dict[tuple[Metric, Labels], int] = {}
        self._observed: dict[tuple[Metric, Labels], list[int]] = {}
        self._pause = Event()

    def publish(self) -> None:
        """Hand over what has changed since the last time, and what stands now."""
        for metric, counts in self._figures.counts.items():
            for labels, count in list(counts.items()):
                more = count - self._counted.get((metric, labels), 0)
                if more:
                    self._in_ray(metric).inc(more, self._tags(metric, labels))
                    self._counted[metric, labels] = count
        for metric, times in self._figures.times.items():
            for labels, row in list(times.rows.items()):
                self._observe(metric, labels, row.copy())
        for metric, read in self._figures.gauges.items():
            for labels, value in read().items():
                self._in_ray(metric).set(value, self._tags(metric, labels))

    def _observe(self, metric: Metric, labels: Labels, counts: list[int]) -> None:
        """Ray takes one time after another, and keeps of it its bucket alone: any time in that will do."""
        before = self._observed.get((metric, labels), [0] * len(counts))
        observe, tags = self._in_ray(metric).observe, self._tags(metric, labels)
        above = 2 * metric.bounds[-1]
        for bound, count, counted in zip((*metric.bounds, above), counts, before, strict=True):
            for number in range(1, count - counted + 1):
                observe(bound, tags)
                if not number % AT_ONCE_MAX:
                    self._pause.wait(PAUSE_S)
        self._observed[metric, labels] = counts

    def _in_ray(self, metric: Metric) -> Any:
        made = self._made.get(metric)
        if made is None:
            tag_keys = (*metric.labels, PROCESS_LABEL)
            if metric.kind is Kind.HISTOGRAM:
                made = Histogram(metric.name, metric.text, list(metric.bounds), tag_keys)
            else:
                made = (Counter if metric.kind is Kind.COUNTER else Gauge)(metric.name, metric.text, tag_keys)
            self._made[metric] = made
        return made

    def _tags(self, metric: Metric, labels: Labels) -> Mapping[str, str]:
        return dict(zip((*metric.labels, PROCESS_LABEL), (*labels, self._process), strict=True))


def publish_figures(figures: Figures, process: str) -> None:
    """Publish these once a second for as long as the process lives, unless Ray collects nothing here."""
    if os.environ.get(COLLECTION_VARIABLE, "1").lower() in {"0", "false"}:
        return
    publisher, never = Publisher(figures, process), Event()

    def run() -> None:
        while not never.wait(EVERY_S):
            try:
                publisher.publish()
            except Exception:  # the next round hands over what this one has not
                log.exception("figures were not published")

    Thread(target=run, name="metrics", daemon=True).start()
