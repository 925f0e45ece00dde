"""Measurements of every layer by itself and of the whole service, beside what it is built on.

`python -m bench --help` lists the scenarios. A run prints a table and appends one JSON line to `bench/results`: the
machine, the commit, the command, its parameters, every figure, and whether conservation held at the end.
"""
