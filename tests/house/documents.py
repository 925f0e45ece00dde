"""Rules for texts: sections that must be there, links that must lead somewhere. Each rule takes a text."""

import ast
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

# `[text](target)`, but not an image's or a code block's.
LINK: Final = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")
FENCE: Final = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
ENTRY: Final = re.compile(r"^### `([A-Z_]+)`\n(.*?)(?=^#|\Z)", re.DOTALL | re.MULTILINE)
REASON: Final = re.compile(r"`([A-Z][A-Z_]+)`")
METRIC: Final = re.compile(r"^\| `(holdfast_[a-z_]+)` \|", re.MULTILINE)
REASON_ARGUMENTS: Final = {"refused": 1, "Status": 2}  # where the calls that make a status take its reason
PATH: Final = re.compile(r"`((?:actors|bench|clients|docs|proto|serve|tests)/[\w./-]*)`")
OUTSIDE: Final = ("http://", "https://", "mailto:", "#")


def entries(text: str) -> dict[str, str]:
    """The entries of docs/errors.md: what follows each heading that is a name in capitals."""
    return {match[1]: match[2] for match in ENTRY.finditer(text)}


def entry_names(text: str) -> list[str]:
    """The names of the entries in sequence, doubles included."""
    return [match[1] for match in ENTRY.finditer(text)]


def incomplete_entries(text: str) -> list[str]:
    """Entries that lack a cause or a mend."""
    return [name for name, body in entries(text).items() if "**Cause.**" not in body or "**Mend.**" not in body]


def documented_metrics(text: str) -> list[str]:
    """The metrics that a table has a row for, in sequence."""
    return METRIC.findall(text)


def named_nowhere(names: Iterable[str], texts: Iterable[str]) -> list[str]:
    """Names that none of the texts has as a word."""
    words = {word for text in texts for word in re.findall(r"\w+", text)}
    return sorted(set(names) - words)


def documented_reasons(text: str) -> set[tuple[str, str]]:
    """Status and reason, of all reasons that the entries of statuses name."""
    statuses = {name: body for name, body in entries(text).items() if not name.startswith("REASON_")}
    return {(name, reason) for name, body in statuses.items() for reason in REASON.findall(body)}


def reasons_given(tree: ast.Module) -> set[tuple[str, str]]:
    """Status and reason, of all statuses that a module makes; both may be named in the function before."""
    found = set()
    for scope in ast.walk(tree):
        if not isinstance(scope, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        named = {} if isinstance(scope, ast.Module) else _assigned(scope)
        for call in ast.walk(scope):
            if not isinstance(call, ast.Call):
                continue
            at = REASON_ARGUMENTS.get(ast.unparse(call.func).rpartition(".")[2])
            if at is None or len(call.args) <= at:
                continue
            code, reason = (named.get(ast.unparse(each), each) for each in (call.args[0], call.args[at]))
            if isinstance(code, ast.Attribute) and isinstance(reason, ast.Constant):
                found.add((code.attr, str(reason.value)))
    return found


def _assigned(scope: ast.AST) -> dict[str, ast.expr]:
    """What the names in a function stand for."""
    named: dict[str, ast.expr] = {}
    for each in ast.walk(scope):
        if isinstance(each, ast.Assign):
            target, value = each.targets[0], each.value
            pairs = (
                zip(target.elts, value.elts, strict=False)
                if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple)
                else [(target, value)]
            )
            named |= {ast.unparse(name): meant for name, meant in pairs}
    return named


def dangling_links(text: str, folder: Path) -> list[str]:
    """Relative links that lead nowhere from this folder."""
    targets = [target for target in LINK.findall(FENCE.sub("", text)) if not target.startswith(OUTSIDE)]
    return [target for target in targets if not (folder / target.partition("#")[0]).exists()]


def absent_paths(text: str, root: Path) -> list[str]:
    """Files and folders of the tree that a text names, and that are not there."""
    return [path for path in PATH.findall(FENCE.sub("", text)) if not (root / path).exists()]


def unlisted(index: str, names: list[str]) -> list[str]:
    """Names of files that an index does not link to."""
    listed = LINK.findall(FENCE.sub("", index))
    return [name for name in names if name not in listed]
