"""What every test has: a tier from its folder, hypothesis settings, and a seed that is printed and can be repeated."""

import gc
import os
import random
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, settings

# In the sequence in which they run: what is cheapest and lowest fails first.
TIERS: Final[dict[str, str]] = {
    "shop": "core",
    "orders": "core",
    "notices": "core",
    "journal": "journal",
    "runtime": "host",
    "gateway": "host",
    "clients": "host",
    "bench": "host",
    "fuzz": "host",
    "simulation": "simulation",
    "cluster": "cluster",
    "house": "house",
}
_FOLDERS: Final = tuple(TIERS)
_HERE: Final = Path(__file__).parent
_SEED: Final = 1
_SEED_MAX: Final = 2**32 - 1

settings.register_profile(
    "holdfast",
    # A shared machine may stall for any time; pytest-timeout ends what really hangs.
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
    # Where CI is set, hypothesis would choose a seed for each test by itself: one is chosen below, and printed.
    derandomize=False,
)
settings.load_profile("holdfast")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Choose the seed before hypothesis reads it, so that the header can name it: the same each time, so that a change
    is judged by itself; with `--hypothesis-seed=random` (`make explore`), another one.
    """
    if config.option.hypothesis_seed == "random":
        config.option.hypothesis_seed = str(random.SystemRandom().randint(0, _SEED_MAX))
    elif config.option.hypothesis_seed is None:
        config.option.hypothesis_seed = str(_SEED)


def pytest_collection_finish() -> None:
    """What was loaded stays until the end: the garbage collector need not look at it again after each few tests."""
    gc.collect()
    gc.freeze()


def pytest_report_header(config: pytest.Config) -> str:
    """Say how to see the same examples again."""
    return f"seed: repeat these examples with --hypothesis-seed={config.option.hypothesis_seed}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test with the tier of its folder, and run the tiers in sequence."""
    for item in items:
        item.add_marker(TIERS[_folder(item)])
    items.sort(key=lambda item: _FOLDERS.index(_folder(item)))


def _folder(item: pytest.Item) -> str:
    folder = item.path.relative_to(_HERE).parts[0]
    if folder not in TIERS:
        raise pytest.UsageError(f"{item.nodeid}: no tier; tests live in one of {', '.join(_FOLDERS)}{os.sep}")
    return folder
