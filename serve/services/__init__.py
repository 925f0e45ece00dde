"""The calls of each proto service, in one module or a few."""
