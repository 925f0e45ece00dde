"""What a change costs, in files, and how large the product is."""

from functools import cache

import pytest

from tests.house.costs import COSTS, FILES_MAX, LINES_MAX, SLACK, Cost, beyond, spelled_in
from tests.house.sources import FOLDERS, ROOT, read_tree


@cache
def texts() -> list[tuple[str, str]]:
    """Path and text of every hand-written file of the product."""
    proto = [
        (path.relative_to(ROOT).as_posix(), path.read_text()) for path in sorted(ROOT.glob("proto/holdfast/**/*.proto"))
    ]
    return [*proto, *((source.path, source.text) for source in read_tree(*FOLDERS))]


@pytest.mark.parametrize("cost", COSTS, ids=[cost.what for cost in COSTS])
def test_a_change_costs_no_more_files_than_it_may(cost: Cost) -> None:
    found = spelled_in(cost, texts())
    assert len(found) <= cost.files_max, "\n".join([f"{cost.what}: {len(found)} files", *found])
    assert len(found) >= cost.files_max - 2, "it costs less now: lower the limit"


@pytest.mark.parametrize("cost", COSTS, ids=[cost.what for cost in COSTS])
def test_files_that_are_there_for_something_else_are_there(cost: Cost) -> None:
    everything = cost._replace(others={})
    for beginning in cost.others:
        assert any(path.startswith(beginning) for path in spelled_in(everything, texts())), beginning


def test_the_product_is_as_large_as_it_may_be() -> None:
    assert not beyond([(source.path, source.text) for source in read_tree(*FOLDERS)])


def test_the_counts_can_fail() -> None:
    cost = Cost("a field", r"\bgift\b", ("actors",), {"actors/orders/": "orders"}, 1)
    files = [
        ("actors/a.py", "gift = 1"),
        ("actors/orders/b.py", "gift"),
        ("serve/c.py", "gift"),
        ("actors/d.py", "gifts"),
    ]
    assert spelled_in(cost, files) == ["actors/a.py"]
    assert spelled_in(cost, [*files, ("actors/e.py", "a gift")]) == ["actors/a.py", "actors/e.py"]
    assert beyond([("a.py", "line\n" * LINES_MAX)]) == []
    for lines in (LINES_MAX + 1, LINES_MAX - SLACK):
        assert beyond([("a.py", "line\n" * lines)]) == [f"{lines} lines; the limit is {LINES_MAX}, and near it"]
    full = [("a.py", "line\n" * LINES_MAX), *[("b.py", "")] * FILES_MAX]
    assert beyond(full) == [f"{FILES_MAX + 1} files, at most {FILES_MAX}"]
