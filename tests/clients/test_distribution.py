"""The client installs into an empty environment, on each Python, with old and new libraries, and works there."""

import json
import shutil
import subprocess
import tarfile
import zipfile
from pathlib import Path
from typing import Final

import pytest

from tests.clients import distribution
from tests.clients.distribution import CLIENTS, ROOT
from tests.clients.service import Service
from tests.clients.serving import serving_in_thread

pytestmark = pytest.mark.timeout(300)

CONSTRAINTS: Final = ("-c", str(ROOT / "constraints.txt"))
YEAR_BACK: Final = ("protobuf==6.33.0", "grpcio==1.76.0")
"""What was current in November 2025."""

ENVIRONMENTS: Final = {
    "3.10, the oldest": (10, distribution.oldest()),
    "3.11, a year back": (11, YEAR_BACK),
    "3.12": (12, CONSTRAINTS),
    "3.13": (13, CONSTRAINTS),
    "3.14": (14, CONSTRAINTS),
}

CHECK: Final = """
import importlib, pkgutil, sys
from pathlib import Path

sys.modules["fcntl"] = None  # as on a system that has none
import holdfast.client
from holdfast.client import AdjustmentKind
from holdfast.client.till_journal import TillJournal

third = {name.partition(".")[0] for name in sys.modules} - set(sys.stdlib_module_names)
assert not third & {"ray", "serve", "actors", "clients", "typer", "rich", "pydantic"}, third
assert not [name for name in sys.modules if name.endswith("_pb2_grpc")]
import holdfast.v1

for module in pkgutil.iter_modules(holdfast.v1.__path__):
    importlib.import_module(f"holdfast.v1.{module.name}")
for number in (1, 2):
    with TillJournal(Path("till")) as journal:
        assert journal.record([("a", -1)], AdjustmentKind.SALE)[0].sequence == number
import clients

assert Path(clients.__file__).parent.parent == Path(__file__).parent, clients.__file__
assert sys.prefix in holdfast.client.__file__ and sys.prefix in holdfast.v1.__file__
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return distribution.build(CLIENTS, tmp_path_factory.mktemp("wheel"), "wheel")


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """Somebody's own folder, in which a package of theirs is named `clients`."""
    folder = tmp_path / "workspace"
    (folder / "clients").mkdir(parents=True)
    (folder / "clients" / "__init__.py").write_text('"""Theirs."""\n', encoding="utf-8")
    return folder


def files_of(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_wheel_has_the_client_and_the_messages_and_nothing_else(wheel: Path) -> None:
    names = set(files_of(wheel))
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"holdfast", "holdfast_client"}
    assert "holdfast/__init__.py" not in names, "holdfast is a namespace"
    assert {"/".join(name.split("/")[:2]) for name in names if name.startswith("holdfast/")} == {
        "holdfast/client",
        "holdfast/v1",
    }
    assert {"holdfast/client/py.typed", "holdfast/v1/py.typed"} <= names
    assert [name for name in names if name.endswith("/licenses/LICENSE")]
    sources = {path.name for path in (ROOT / "proto/holdfast/v1").iterdir() if path.suffix in {".py", ".pyi", ".proto"}}
    assert {name.rpartition("/")[2] for name in names if name.startswith("holdfast/v1/")} == {*sources, "py.typed"}


def test_an_sdist_gives_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    with tarfile.open(distribution.build(CLIENTS, tmp_path / "sdist", "sdist")) as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
    (unpacked,) = (tmp_path / "unpacked").iterdir()
    assert files_of(distribution.build(unpacked, tmp_path / "again", "wheel")) == files_of(wheel)


def test_the_folder_without_the_repository_builds_nothing(tmp_path: Path) -> None:
    copied = tmp_path / "clients"
    shutil.copytree(CLIENTS, copied, ignore=shutil.ignore_patterns("__pycache__"))
    with pytest.raises(subprocess.CalledProcessError) as failed:
        distribution.build(copied, tmp_path / "out", "wheel")
    assert b"build in the whole repository" in failed.value.stderr


def test_the_licence_is_the_repositorys() -> None:
    assert (CLIENTS / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


@pytest.mark.parametrize("case", ENVIRONMENTS)
def test_it_works_in_an_empty_environment(case: str, wheel: Path, workspace: Path, tmp_path: Path) -> None:
    minor, pins = ENVIRONMENTS[case]
    installed = distribution.environment(tmp_path / "venv", distribution.python(minor), str(wheel), *pins)
    python = str(installed / "python")
    (workspace / "check.py").write_text(CHECK, encoding="utf-8")
    distribution.run(workspace, python, "-W", "error", "check.py")
    (workspace / "example.py").write_text(distribution.example(ROOT / "README.md"), encoding="utf-8")
    (workspace / "short.py").write_text(distribution.example(CLIENTS / "README.md"), encoding="utf-8")
    said = {"example.py": "10 held, 15 refused: {'INSUFFICIENT_STOCK'}\nsold\n", "short.py": "held\n"}
    for script, expected in said.items():
        chain = tmp_path / f"chain of {script}"
        chain.mkdir()
        with Service(chain) as service:
            service.shop("S042")
            with serving_in_thread(service) as target:
                assert distribution.run(workspace, python, "-W", "error", script, target).stdout == expected
    lacking = distribution.run(workspace, str(installed / "holdfast"), "--help", code=5)
    assert (lacking.stdout, lacking.stderr.count("\n")) == ("", 1)
    assert "pip install 'holdfast-client[cli]'" in lacking.stderr


def test_the_command_is_an_extra(service: Service, wheel: Path, workspace: Path, tmp_path: Path) -> None:
    installed = distribution.environment(
        tmp_path / "venv",
        distribution.python(10),
        f"holdfast-client[cli] @ {wheel.as_uri()}",
        *distribution.oldest("cli"),
    )
    service.shop("S042")
    command = str(installed / "holdfast")
    assert "reserves the stock of shops" in distribution.run(workspace, command, "--help").stdout
    with serving_in_thread(service) as target:
        adjust = ("stock", "adjust", "S042", "mug=4", "--kind", "receipt", "--target", target)
        distribution.run(workspace, command, *adjust)
        found = json.loads(distribution.run(workspace, command, "doctor", "--json", "--target", target).stdout)
        assert (found["healthy"], found["installed"]) == (True, "client")
    for program in ("serve", "demo"):
        absent = distribution.run(workspace, command, program, code=5).stderr
        assert "is not installed" in absent
        assert "Traceback" not in absent
