"""Source files as the rules see them: a path, a text, a syntax tree; and what a rule finds in them."""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parents[2]
PACKAGES: Final = ("actors", "serve", "holdfast.client", "bench")
FOLDERS: Final = ("actors", "serve", "clients/holdfast", "bench")
GENERATED_SUFFIXES: Final = ("_pb2.py", "_pb2_grpc.py")


class Violation(NamedTuple):
    """Where a rule is broken, and what mends it."""

    path: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


@dataclass(frozen=True, slots=True)
class Source:
    """One Python file. `path` is relative to the repository, with slashes."""

    path: str
    text: str
    tree: ast.Module

    @property
    def module(self) -> str:
        """The dotted name, for example `actors.shop.decide`; a package's own for its `__init__`."""
        parts = PurePosixPath(self.path).with_suffix("").parts
        parts = parts[1:] if parts[0] == "clients" else parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    @property
    def package(self) -> str:
        """The top folder, or the client's package, whose folder is an import root."""
        top = PurePosixPath(self.path).parts[0]
        return "holdfast.client" if top == "clients" else top

    def at(self, node: ast.AST | int, message: str) -> Violation:
        """A violation at a node or line of this file."""
        return Violation(self.path, node if isinstance(node, int) else getattr(node, "lineno", 1), message)


Rule = Callable[[Source], Iterator[Violation]]


def parse(path: str, text: str) -> Source:
    """A source of this path and text; the file need not exist."""
    return Source(path, text, ast.parse(text, path))


def read_tree(*folders: str) -> list[Source]:
    """Every Python file under these folders of the repository that people write."""
    return [
        parse(file.relative_to(ROOT).as_posix(), file.read_text(encoding="utf-8"))
        for folder in folders
        for file in sorted((ROOT / folder).rglob("*.py"))
        if not file.name.endswith(GENERATED_SUFFIXES)
    ]


def imports(source: Source) -> Iterator[tuple[ast.stmt, str]]:
    """Each thing imported, by its full dotted name: `from ray import serve` is `ray.serve`."""
    for node in ast.walk(source.tree):
        match node:
            case ast.Import():
                yield from ((node, alias.name) for alias in node.names)
            case ast.ImportFrom(module=str(module), level=0):
                yield from ((node, f"{module}.{alias.name}") for alias in node.names)
            case ast.ImportFrom(level=level) if level:
                yield node, "." * level + (node.module or "")


def dotted(node: ast.AST) -> str:
    """`a.b.c` of a name or attribute; empty for anything else."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=attribute) if head := dotted(value):
            return f"{head}.{attribute}"
    return ""


def calls(source: Source) -> Iterator[tuple[ast.Call, str]]:
    """Each call of something that has a dotted name."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and (name := dotted(node.func)):
            yield node, name


def within(name: str, patterns: tuple[str, ...]) -> bool:
    """True where a dotted name is one of the patterns or lies below it; a final `*` fits any ending."""
    return any(
        name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern or name.startswith(f"{pattern}.")
        for pattern in patterns
    )
