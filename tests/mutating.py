"""Whether a state machine finds a mutant, over the same examples each time: found by chance, it fails by chance."""

from typing import Any, Final

from hypothesis import Phase, seed as seeded, settings
from hypothesis.internal.conjecture.providers import AVAILABLE_PROVIDERS, HypothesisProvider
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

EXAMPLES_MAX: Final = 1_000
BY_SEED_ALONE: Final = "holdfast-by-seed-alone"


class BySeedAlone(HypothesisProvider):
    """Draws no constants of the modules that happen to be loaded: a seed gives the same examples in every worker."""

    def _maybe_draw_constant(self, *_: Any, **__: Any) -> None:
        return None


AVAILABLE_PROVIDERS[BY_SEED_ALONE] = BySeedAlone


def run_mutant(
    machine: type[RuleBasedStateMachine], seed: int = 0, examples: int = EXAMPLES_MAX, steps: int = 50
) -> None:
    """Run it until it fails. The first failure is enough: it is neither made small nor kept.

    The seed is one with which the mutant is found early; where it is not any more, because the machine has changed,
    take another.
    """
    limits = settings(
        max_examples=examples,
        stateful_step_count=steps,
        phases=[Phase.generate],
        database=None,
        backend=BY_SEED_ALONE,
    )
    run_state_machine_as_test(seeded(seed)(type("Mutant", (machine,), {})), settings=limits)
