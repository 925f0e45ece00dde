"""When arrivals come: by the integral of the rate, shared by generators, and the same for the same seed."""

from itertools import pairwise

import pytest

from bench.load.profile import LINES_BY_HOUR, Profile, arrivals, constant, day

STEPS = Profile(((0.0, 10.0), (1.0, 10.0), (1.0, 0.0), (2.0, 0.0), (2.0, 40.0), (3.0, 40.0)))


def test_even_arrivals_of_a_constant_rate_are_evenly_apart() -> None:
    assert list(arrivals(constant(4.0, 1.0), "", even=True)) == pytest.approx([0.125, 0.375, 0.625, 0.875])


def test_generators_share_the_arrivals_and_lose_none() -> None:
    apart = [list(arrivals(STEPS, "", index, 3, even=True)) for index in range(3)]
    assert sorted(at for each in apart for at in each) == pytest.approx(list(arrivals(STEPS, "", even=True)))
    assert len([at for each in apart for at in each if 1 <= at < 2]) == 0


def test_as_many_come_as_the_rate_says() -> None:
    for profile in (
        Profile(((0.0, 0.0), (10.0, 200.0))),
        STEPS,
        day(100.0, 24.0),
        constant(3, 5).then(Profile(((0.0, 3.0), (2.0, 9.0)))),
    ):
        at = list(arrivals(profile, "", even=True))
        for second in range(1, int(profile.seconds) + 1):
            assert len([each for each in at if each < second]) == pytest.approx(profile.until(second), abs=1)
        assert all(profile.until(profile.when(number)) == pytest.approx(number) for number in range(int(profile.total)))


def test_a_poisson_process_has_the_mean_of_its_rate_and_exponential_gaps() -> None:
    profile = constant(1_000.0, 20.0)
    at = list(arrivals(profile, "seed"))
    assert len(at) == pytest.approx(profile.total, rel=0.03)
    gaps = [later - one for one, later in pairwise(at)]
    longer = sum(gap > 1 / 1_000 for gap in gaps) / len(gaps)
    assert longer == pytest.approx(0.368, abs=0.02)  # 1/e
    assert at == list(arrivals(profile, "seed"))
    assert at != list(arrivals(profile, "another"))
    halves = sum(len(list(arrivals(profile, "seed", index, 2))) for index in range(2))
    assert halves == pytest.approx(profile.total, rel=0.03)


def test_a_day_is_busiest_in_its_busiest_hour() -> None:
    profile, busiest = day(100.0, 24.0), LINES_BY_HOUR.index(max(LINES_BY_HOUR))
    by_hour = [profile.mean(hour, hour + 1) for hour in range(24)]
    assert by_hour.index(max(by_hour)) == busiest
    assert max(rate for _, rate in profile.points) == 100.0


@pytest.mark.parametrize("points", [(), ((0.0, 1.0),), ((1.0, 1.0), (0.0, 1.0)), ((0.0, -1.0), (1.0, 1.0))])
def test_what_is_no_profile_is_refused(points: tuple[tuple[float, float], ...]) -> None:
    with pytest.raises(ValueError, match=r"."):
        Profile(points)
