"""Commands such as `holdfast serve` become the programs, with every argument, in the same process."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

ARGUMENTS = ["--help", "--data-dir", "x y", "--json", "--", "-5"]
STAND_IN = "import json, os, sys; print(json.dumps({'arguments': sys.argv[1:], 'pid': os.getpid()})); sys.exit(7)"


@pytest.mark.parametrize(
    ("command", "module"),
    [
        ("serve", "serve/__main__.py"),
        ("demo", "bench/demo.py"),
        ("bench", "bench/__main__.py"),
        ("journal", "serve/journal.py"),
        ("format", "serve/format.py"),
        ("node", "serve/node.py"),
    ],
)
def test_the_program_takes_the_commands_place(tmp_path: Path, command: str, module: str) -> None:
    program = tmp_path / module
    program.parent.mkdir(parents=True)
    (program.parent / "__init__.py").touch()
    program.write_text(STAND_IN)
    # The stand-in goes before the real package.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT), str(ROOT / "proto")])}
    with subprocess.Popen(
        [sys.executable, "-m", "holdfast.client.cli", command, *ARGUMENTS],
        env=environment,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        told = json.loads(process.communicate(timeout=30)[0])
    assert told == {"arguments": ARGUMENTS, "pid": process.pid}
    assert process.returncode == 7
