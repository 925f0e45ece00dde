"""What is measured: a function `run_<scenario>(options) -> Outcome` for each; `bench.__main__` knows its module."""
