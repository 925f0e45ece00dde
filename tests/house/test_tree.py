"""The rules, over every file that people write."""

from functools import lru_cache
from typing import Final

import pytest

from tests.house import allowed, conduct, layers, shape
from tests.house.sources import FOLDERS, ROOT, Rule, Source, parse, read_tree

FOR_CODE: Final[tuple[Rule, ...]] = (
    layers.imports_point_down,
    layers.libraries_have_owners,
    conduct.core_is_pure,
    conduct.one_clock,
    conduct.hash_is_not_stable,
    conduct.everything_has_a_limit,
)
FOR_TESTS: Final[tuple[Rule, ...]] = (
    conduct.tests_do_not_sleep,
    conduct.tests_compare_no_times,
    conduct.nothing_is_mocked,
)
FOR_BOTH: Final[tuple[Rule, ...]] = (
    shape.names_say_something,
    shape.files_are_short,
    shape.functions_are_short,
    shape.imports_come_first,
    shape.nothing_left_over,
    conduct.errors_are_not_swallowed,
)


@lru_cache(maxsize=1)
def of_code() -> list[Source]:
    """Read by the first test that asks: a worker that runs none of them keeps no syntax trees."""
    return read_tree(*FOLDERS)


@lru_cache(maxsize=1)
def of_tests() -> list[Source]:
    return read_tree("tests")


def keeps(rule: Rule, sources: list[Source]) -> None:
    """Fail with a line for each violation."""
    violations = [str(violation) for source in sources for violation in rule(source)]
    if violations:
        pytest.fail("\n".join([rule.__doc__ or "", *violations]), pytrace=False)


@pytest.mark.parametrize("rule", [*FOR_CODE, *FOR_BOTH], ids=lambda rule: rule.__name__)
def test_the_code_keeps_the_rule(rule: Rule) -> None:
    keeps(rule, of_code())


@pytest.mark.parametrize("rule", [*FOR_TESTS, *FOR_BOTH], ids=lambda rule: rule.__name__)
def test_the_tests_keep_the_rule(rule: Rule) -> None:
    keeps(rule, of_tests())


def test_no_module_imports_itself_by_way_of_others() -> None:
    assert [str(violation) for violation in layers.no_circles(of_code())] == []


def test_every_test_lives_in_a_tier() -> None:
    """A test outside the tiers' folders would be refused at collection; a folder without a tier is found here."""
    tiers = {"shop", "orders", "notices", "journal", "runtime", "gateway", "clients", "bench", "fuzz"}
    tiers |= {"simulation", "cluster", "house"}
    folders = {source.path.split("/")[1] for source in of_tests() if source.path.rpartition("/")[2].startswith("test_")}
    assert folders <= tiers


@pytest.mark.parametrize(
    ("rule", "exceptions"),
    [
        (conduct.errors_are_not_swallowed, allowed.BROAD_EXCEPT),
        (shape.imports_come_first, allowed.LATE_IMPORTS),
        (conduct.tests_do_not_sleep, allowed.SLEEPS),
        (conduct.hash_is_not_stable, allowed.PROCESS_HASHES),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_an_exception_is_dropped_once_it_is_no_longer_needed(
    rule: Rule, exceptions: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file exists, its reason is a sentence, and without the exception the rule would object."""
    needed = dict(exceptions)
    for path in needed:
        monkeypatch.delitem(exceptions, path)
    for path, reason in needed.items():
        assert len(reason.split()) >= 4, f"{path}: say why"
        assert list(rule(parse(path, (ROOT / path).read_text(encoding="utf-8")))), (
            f"{path} no longer needs its exception"
        )


def test_proto_is_an_import_root_and_no_package() -> None:
    assert not (ROOT / "proto" / "__init__.py").exists(), "the name `proto` belongs to proto-plus"
