"""What stands now in a gateway, asked once a second by the thread that publishes it."""

from collections import deque
from typing import Final

from actors.telemetry.metrics import CALLS_INSIDE, HOT_SKUS, ORDERS_STUCK, QUEUE_AGE_SECONDS, Figures
from serve.coordination.reconciler import Reconciler
from serve.routing.router import Router

LOOKS: Final = 10  # of which the longest wait is told: Ray hands over what stands every ten seconds


def watch(figures: Figures, router: Router, reconciler: Reconciler) -> None:
    """Have the gateway's gauges read."""
    waits_s = deque([0.0], maxlen=LOOKS)

    def waited() -> dict[tuple[str, ...], float]:
        waits_s.append(router.queue_age_s())
        return {(): max(waits_s)}

    figures.gauge(QUEUE_AGE_SECONDS, waited)
    figures.gauge(CALLS_INSIDE, lambda: {(): router.calls_inside})
    figures.gauge(ORDERS_STUCK, reconciler.stuck)
    figures.gauge(HOT_SKUS, lambda: {(): sum(each.is_open for each in router.chain.hot.values())})
