"""One module for each scenario, with `run(options) -> Outcome` in it; `bench.__main__` finds it by its name."""
