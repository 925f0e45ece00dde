"""How files look: their names and lengths, where they import, and what is left lying about in comments."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Final

from tests.house.allowed import LATE_IMPORTS
from tests.house.sources import Source, Violation

# The aim is 300 and 50; above these a reader has to scroll for what belongs together.
FILE_LINES_MAX: Final = 400
FUNCTION_LINES_MAX: Final = 60

# Names that say nothing of what lives there, so that everything ends up there.
EMPTY_NAMES: Final = frozenset({"util", "helper", "common", "base", "manager", "misc", "shared"})

# Spelled with a gap, or this file would break its own rule.
LEFTOVERS: Final = re.compile(r"\b(?:TO(?:DO)|FIX(?:ME)|XX(?:X)|HA(?:CK))\b")


def names_say_something(source: Source) -> Iterator[Violation]:
    """No module or folder is called utils, helpers, common, base or managers."""
    for part in PurePosixPath(source.path).with_suffix("").parts:
        words = {word.removesuffix("s") for word in part.split("_")} if part != "__init__" else set()
        if hollow := words & EMPTY_NAMES:
            yield source.at(1, f"the name {part} says nothing ({', '.join(hollow)}): name what lives there")


def files_are_short(source: Source) -> Iterator[Violation]:
    """A file fits in a head."""
    lines = len(source.text.splitlines())
    if lines > FILE_LINES_MAX:
        yield source.at(FILE_LINES_MAX, f"{lines} lines; a file has at most {FILE_LINES_MAX}, better 300")


def functions_are_short(source: Source) -> Iterator[Violation]:
    """A function fits on a screen, decorators and docstring included."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES_MAX:
                yield source.at(node, f"{node.name} has {lines} lines; a function has at most {FUNCTION_LINES_MAX}")


def imports_come_first(source: Source) -> Iterator[Violation]:
    """No import inside a function, which is how circles are hidden."""
    if source.path in LATE_IMPORTS:
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            for inner in ast.walk(node):
                if isinstance(inner, ast.Import | ast.ImportFrom):
                    yield source.at(inner, "import inside a function: move it up, or name the file in allowed.py")


def nothing_left_over(source: Source) -> Iterator[Violation]:
    """What is to be done is in an issue, not in a comment or docstring."""
    for token in tokenize.generate_tokens(io.StringIO(source.text).readline):
        if token.type in {tokenize.COMMENT, tokenize.STRING}:
            for word in LEFTOVERS.findall(token.string):
                yield source.at(token.start[0], f"{word} left in the source: do it, or file an issue")
