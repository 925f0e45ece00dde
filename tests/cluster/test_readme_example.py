"""The README's Python example against a real service, from a folder that has a package `clients` of its own."""

import subprocess
import sys
from pathlib import Path

from tests.clients.distribution import ROOT, example
from tests.cluster.service import Service

EXAMPLE_S_MAX = 60


def test_the_readmes_example_prints_what_the_readme_says(service: Service, tmp_path: Path) -> None:
    (tmp_path / "clients").mkdir()
    (tmp_path / "clients" / "__init__.py").touch()
    (tmp_path / "example.py").write_text(example(ROOT / "README.md"), encoding="utf-8")

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=EXAMPLE_S_MAX,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    run("-m", "holdfast.client.cli", "store", "put", "S042", "--name", "Main Street", "--target", service.address)
    for _ in range(2):  # whoever follows the README may run it again
        assert run("example.py", service.address) == "10 held, 15 refused: {'INSUFFICIENT_STOCK'}\nsold\n"
