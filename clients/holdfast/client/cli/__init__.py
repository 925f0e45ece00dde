"""The `holdfast` command. `main` is its entry point; the commands stand in modules by noun.

Exit codes: 0 done, 1 refused by the business (or a check that found a fault), 2 wrong usage, 3 nobody answered or too
much at once, 4 not found, 5 anything else, 130 interrupted. Where each shop answers for itself, an error goes before a
refusal, and a refusal before what was done. With `--json` a command writes one JSON document to stdout
(a watch: one a line), and its errors as one JSON document to stderr.
"""

import sys

EXTRA = frozenset({"click", "pydantic", "rich", "typer"})
"""What the command needs beyond the library; the extra `cli` brings it."""

try:
    from holdfast.client.cli.app import main
except ModuleNotFoundError as error:
    if error.name not in EXTRA:
        raise

    def main() -> None:
        """Say in one line what is missing."""
        sys.stderr.write("holdfast: the command is not installed whole. pip install 'holdfast-client[cli]'\n")
        sys.exit(5)


__all__ = ["main"]
