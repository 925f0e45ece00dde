"""The log line for what stays undelivered or undecided: after a minute, once a minute, and none once it is settled."""

from serve.coordination.reconciler import FOLLOWED_MAX, GONE_S, LINE_EVERY_S, LONG_S, LOOK_EVERY_S, StuckTracker


def test_a_line_comes_after_a_minute_and_once_a_minute() -> None:
    stuck = StuckTracker("orders")
    said: list[tuple[float, str]] = []
    for second in range(200):
        stuck.saw("0007/2@3", "S1", float(second))
        if second >= 20:
            stuck.saw("0007/9@1", "S2,S3", float(second))
        line = stuck.line(float(second))
        if line:
            said.append((second, line))
    assert [second for second, _ in said] == [65, 125, 185]
    assert said[0][1] == "stuck orders count=1 oldest=0007/2@3 where=S1 age_s=65"
    assert said[1][1] == "stuck orders count=2 oldest=0007/2@3 where=S1 age_s=125"
    assert LONG_S <= said[0][0] <= LONG_S + LOOK_EVERY_S
    assert said[1][0] - said[0][0] == LINE_EVERY_S


def test_what_is_settled_is_not_said_and_begins_anew() -> None:
    stuck = StuckTracker("orders")
    stuck.saw("S1:4@5", "0007/2", 0.0)
    stuck.saw("S1:4@5", "0007/2", 1.0)
    assert stuck.line(GONE_S + 2) == ""
    stuck.saw("S1:4@5", "0007/2", GONE_S + 3)
    assert stuck.line(GONE_S + 10) == ""


def test_a_claim_tells_its_age_itself() -> None:
    stuck = StuckTracker("claims")
    stuck.saw("S1:4@5", "0007/2", 10.0, age_s=300.0)
    assert stuck.line(11.0).endswith("oldest=S1:4@5 where=0007/2 age_s=301")


def test_what_is_followed_is_bounded_and_what_comes_up_again_stays() -> None:
    stuck = StuckTracker("orders")
    stuck.saw("stuck", "S1", 0.0)
    for number in range(3 * FOLLOWED_MAX):
        stuck.saw(f"passing {number}", "S2", 50.0)
        if number % 1_000 == 0:
            stuck.saw("stuck", "S1", 50.0)
    assert len(stuck._seen) == FOLLOWED_MAX
    assert "oldest=stuck" in stuck.line(LONG_S + 10)
