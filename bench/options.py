"""How a run may be changed from the command line, the same for every scenario."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Options:
    """`quick` takes smoke sizes: it shows that a scenario works and measures nothing.

    `scratch` is the folder for journals, on the disk that is to be measured. `say` hears what is being done.
    """

    scratch: Path
    say: Callable[[str], None]
    quick: bool = False
    rounds: int = 3
    seconds: float = 1.0
    store_actors: int = 2
    rate: float = 0.0

    def size(self, full: int, quick: int) -> int:
        """One of two sizes."""
        return quick if self.quick else full
