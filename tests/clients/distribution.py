"""The client's distribution, built from this tree, and empty environments to install it into."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from subprocess import DEVNULL
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
CLIENTS: Final = ROOT / "clients"
INSTALL_S_MAX: Final = 200
CHECK_S_MAX: Final = 60
NO_INDEX: Final = re.compile(r"\(from versions: none\)|Temporary failure|Connection (?:refused|broken)")


def build(folder: Path, out: Path, kind: str) -> Path:
    """The wheel or sdist of a folder that has its pyproject.toml."""
    pytest.importorskip("hatchling", reason="hatchling is absent: `make install-dev` brings it")
    command = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(out)]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=CHECK_S_MAX)
    (built,) = out.glob("*.whl" if kind == "wheel" else "*.tar.gz")
    return built


def python(minor: int) -> str:
    """A Python 3 of this minor version, on the path or among pyenv's; skips the test where there is none."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = [shutil.which(f"python3.{minor}"), *map(str, sorted(pyenv.glob(f"3.{minor}.*/bin/python")))]
    for candidate in found:
        if candidate and not subprocess.run([candidate, "-c", "import ssl"], check=False, stderr=DEVNULL).returncode:
            return candidate
    pytest.skip(f"there is no Python 3.{minor} here")


def oldest(*extras: str) -> list[str]:
    """What the client asks for at the least, as pins."""
    project = tomllib.loads((CLIENTS / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = [*project["dependencies"], *(name for extra in extras for name in project["optional-dependencies"][extra])]
    return [requirement.replace(">=", "==") for requirement in asked]


def environment(folder: Path, python: str, *arguments: str) -> Path:
    """The `bin` of an environment of its own with what pip is told to install; skips where there is no index."""
    subprocess.run([python, "-m", "venv", "--without-pip", str(folder)], check=True, timeout=CHECK_S_MAX)
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "--disable-pip-version-check"]
    done = subprocess.run(
        [*pip, "install", "-q", "--no-input", "--no-compile", *arguments],
        env=plain(),
        capture_output=True,
        text=True,
        check=False,
        timeout=INSTALL_S_MAX,
    )
    if done.returncode and NO_INDEX.search(done.stderr):
        pytest.skip("there is no package index here")
    assert not done.returncode, done.stderr
    return folder / "bin"


def plain() -> dict[str, str]:
    """The environment variables without those that would lend an installation this tree's modules."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "HOLDFAST"))}


def run(folder: Path, *command: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run what is installed from a folder, and prove its exit code."""
    done = subprocess.run(
        command, cwd=folder, env=plain(), capture_output=True, text=True, check=False, timeout=CHECK_S_MAX
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done


def example(document: Path) -> str:
    """The Python example of a document."""
    (found,) = re.findall(r"^```python\n(.*?)^```$", document.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return str(found)
