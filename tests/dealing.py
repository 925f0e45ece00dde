"""How the files of tests are dealt to the workers of `make test`: pytest -n 3 -p tests.dealing."""

from typing import Any, Final

import pytest
from xdist.scheduler import LoadScopeScheduling

# Its tests share a service, load the machine and look for what was left behind: one after another, in one worker.
ALONE: Final = "tests/cluster/"
# Begun first, so that no worker has a long file left when the others are done.
LONGEST: Final = (ALONE, "tests/simulation/", "tests/shop/", "tests/house/")


class Dealer(LoadScopeScheduling):
    """Deals a file to one worker, whose fixtures and counters it shares, and all real processes to one as well."""

    def _split_scope(self, nodeid: str) -> str:
        return ALONE if nodeid.startswith(ALONE) else nodeid.partition("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Dealer:
    """Files are dealt in the sequence in which they were collected."""
    config.option.loadscopereorder = False
    return Dealer(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In each worker, what is longest comes first, and the tiers follow as they stand."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: [not item.nodeid.startswith(folder) for folder in LONGEST])
