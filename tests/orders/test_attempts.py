"""What of an order's attempts counts, and stays: what shops hold of it, and what they have still to let go of."""

from actors.core.rejection import Rejection
from actors.orders.state import ATTEMPTS_MAX, Order
from tests.orders.scenario_text import answer_text, command_of
from tests.orders.watched import Watched
from tests.shop.scenario_text import instant


class Scene:
    """An order over S1 that is amended."""

    def __init__(self) -> None:
        self.watched = Watched()
        self.said("open ann S1 A 1")
        self.said("commit #1.1 S1 11")
        self.said("report #1 S1.1 at 1 v5 HELD A 1")

    @property
    def order(self) -> Order:
        return self.watched.ledger.orders[1]

    def said(self, text: str, key: str = "") -> str:
        command = command_of(text, key or f"k{self.watched.ledger.version}", self.watched.ledger)
        answer = self.watched.say(command, instant("0:01")).answer
        assert self.watched.complaints() == []
        assert isinstance(answer, Order | Rejection)
        return answer_text(answer)

    def contended(self, key: str, *, is_heard: bool = True) -> str:
        """A call that meets the claims of others in S2, is not answered, and may be tried again."""
        answer = self.said("amend #1 S2 A 1", key)
        attempt = self.order.open_attempt
        if attempt:
            self.said(f"abandon #1.{attempt}")
        if attempt and is_heard:
            self.said(f"report #1 S2.{attempt} at {self.order.revision} none")
            self.said(f"report #1 S1.1 at {self.order.revision} v5 HELD A 1")
        return answer


def test_an_order_may_meet_claims_of_others_as_often_as_it_likes() -> None:
    scene = Scene()
    for times in range(ATTEMPTS_MAX + 2):
        scene.contended("k")
        assert scene.order.attempts == times + 2
        assert len(scene.order.parts) == 2, "what came to nothing is not kept"
    assert scene.said("amend #1 S2 A 1", "k").startswith("#1 HELD S1.1 A 1 / S2.68? A 1")
    assert scene.said("commit #1.68 S2 12").startswith("#1 HELD S1.1* A 1 / S2.68* A 1")


def test_what_shops_have_not_let_go_of_counts_and_is_no_refusal() -> None:
    """It waits for a shop that is away."""
    scene = Scene()
    for _ in range(ATTEMPTS_MAX - 1):
        scene.contended("k", is_heard=False)
    assert scene.contended("k") == "ORDER_UNDECIDED #1"
    scene.said(f"report #1 S2.2 at {scene.order.revision} none")
    assert scene.said("amend #1 S2 A 1", "k").startswith("#1 HELD S1.1")


def test_what_was_had_counts_for_good() -> None:
    scene = Scene()
    for attempt in range(2, ATTEMPTS_MAX + 1):
        scene.said(f"amend #1 S2 A {attempt}")
        scene.said(f"commit #1.{attempt} S2 {attempt + 20}")
    assert scene.said("amend #1 S2 A 99", "k") == "TRANSITION_NOT_ALLOWED #1 HELD"
    assert scene.said("amend #1 S2 A 3").startswith("#1 HELD"), "less needs no attempt of its own"
