"""What the callers of one measuring heard."""

from holdfast.client import Order, Rejection, Reservation


class Heard:
    """Answers counted, and how long each took. `stuck` says what no caller should ever find: it fails the run."""

    def __init__(self) -> None:
        self.latencies: list[float] = []
        self.accepted = 0
        self.refused = 0
        self.failures: list[str] = []
        self.stuck: list[str] = []

    def hear(self, outcome: Reservation | Order | Rejection, seconds: float) -> None:
        """Count an answer; an order counts as many reservations as it has parts."""
        self.latencies.append(seconds)
        if isinstance(outcome, Rejection):
            self.refused += 1
        else:
            self.accepted += len(outcome.parts) if isinstance(outcome, Order) else 1
