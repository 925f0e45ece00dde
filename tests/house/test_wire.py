"""The wire: generated modules equal their sources, the ledger's enums equal the wire's, and buf finds nothing."""

import importlib
import keyword
import os
import pkgutil
import runpy
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from enum import IntEnum
from pathlib import Path
from typing import Final

import pytest
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FileDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

import actors.shop
from holdfast.v1 import error_pb2, reservation_pb2
from serve import health
from serve.wire.rules import RULES_FILE
from tests.house.sources import ROOT

PROTO: Final = ROOT / "proto"
BUF_TIMEOUT_S: Final = 60
GENERATED: Final = ("*_pb2.py", "*_pb2.pyi", "*_pb2_grpc.py", "enums.py", "services.py")
ENUMS: Final = [
    ("Reason", "REASON_", error_pb2.Reason.DESCRIPTOR),
    ("Status", "RESERVATION_STATUS_", reservation_pb2.ReservationStatus.DESCRIPTOR),
    ("ReleaseReason", "RELEASE_REASON_", reservation_pb2.ReleaseReason.DESCRIPTOR),
]


def generated_files(root: Path) -> dict[str, str]:
    """The generated modules below a root, by relative path."""
    return {
        file.relative_to(root).as_posix(): file.read_text(encoding="utf-8")
        for pattern in GENERATED
        for file in sorted(root.rglob(pattern))
    }


def test_generated_modules_are_what_make_proto_gives(tmp_path: Path) -> None:
    pytest.importorskip("grpc_tools", reason="grpcio-tools is absent: `make install-dev` brings it")
    subprocess.run([sys.executable, str(PROTO / "generate.py"), str(tmp_path)], check=True)
    fresh, committed = generated_files(tmp_path), generated_files(PROTO)
    assert sorted(fresh) == sorted(committed), "run `make proto`"
    assert [path for path in fresh if fresh[path] != committed[path]] == [], "run `make proto`"
    assert (tmp_path / RULES_FILE.name).read_bytes() == RULES_FILE.read_bytes(), "run `make proto`"


def test_rules_for_validation_stay_out_of_the_generated_modules() -> None:
    """The imports and options of rules go, protobuf's own options stay."""
    generate = runpy.run_path(str(PROTO / "generate.py"))
    rules, file = FileDescriptorProto(name="buf/validate/validate.proto"), FileDescriptorProto(name="a.proto")
    file.dependency.extend([rules.name, "b.proto", "c.proto"])
    file.public_dependency.append(2)
    message = file.message_type.add(name="A")
    ruled, deprecated = message.field.add(name="of_rule"), message.field.add(name="other", json_name="its_own")
    ruled.options.MergeFromString(b"\xba\x48\x02\x0a\x00")  # field 1159, the number of buf's rules
    deprecated.options.MergeFromString(b"\x18\x01\xba\x48\x02\x0a\x00")
    (kept,) = generate["without_rules"](FileDescriptorSet(file=[rules, file])).file
    assert (list(kept.dependency), list(kept.public_dependency)) == (["b.proto", "c.proto"], [1])
    (plain, marked) = kept.message_type[0].field
    assert not plain.HasField("options")
    assert (marked.options.SerializeToString(), marked.json_name) == (b"\x18\x01", "its_own")


def ledger_enum(name: str) -> type[IntEnum]:
    """The one enum of this name that a module of the ledger defines."""
    found = {
        member
        for module in pkgutil.iter_modules(actors.shop.__path__, "actors.shop.")
        if isinstance(member := getattr(importlib.import_module(module.name), name, None), type)
    }
    assert len(found) == 1, f"actors.shop defines {name} {len(found)} times"
    (enum,) = found
    assert issubclass(enum, IntEnum)
    return enum


@pytest.mark.parametrize(("name", "prefix", "wire"), ENUMS, ids=[name for name, *_ in ENUMS])
def test_the_ledgers_enums_are_the_wires(name: str, prefix: str, wire: EnumDescriptor) -> None:
    """Names and numbers agree; what is not above zero goes no farther than a gateway here."""
    theirs = {value.name.removeprefix(prefix): value.number for value in wire.values if value.number}
    assert {member.name: int(member) for member in ledger_enum(name) if member > 0} == theirs


@pytest.mark.parametrize("wire", [wire for _, _, wire in ENUMS], ids=[name for name, *_ in ENUMS])
def test_the_wires_enums_have_no_hole(wire: EnumDescriptor) -> None:
    """Precedence is the number, so numbers are given out in sequence."""
    assert [value.number for value in wire.values] == list(range(len(wire.values)))


def wire_files() -> list[FileDescriptor]:
    """The descriptors of all generated modules. A file without one would be found after an import of grpc_tools only,
    which has Python make modules of proto files as they are imported.
    """
    modules = sorted((PROTO / "holdfast" / "v1").glob("*_pb2.py"))
    return [importlib.import_module(f"holdfast.v1.{module.stem}").DESCRIPTOR for module in modules]


def fields_of(messages: Iterable[Descriptor]) -> Iterator[str]:
    """Full names of the fields of messages, those that are within others too."""
    for message in messages:
        yield from (field.full_name for field in message.fields)
        yield from fields_of(message.nested_types)


def test_no_field_is_a_word_of_pythons() -> None:
    fields = [name for file in wire_files() for name in fields_of(file.message_types_by_name.values())]
    assert len(fields) > 100
    assert [name for name in fields if keyword.iskeyword(name.rsplit(".", 1)[1])] == []


def test_every_file_says_where_go_and_java_put_it() -> None:
    """Those without a generated module too."""
    options = {file.name: file.options for file in FileDescriptorSet.FromString(RULES_FILE.read_bytes()).file}
    ours = sorted(file.relative_to(PROTO).as_posix() for file in (PROTO / "holdfast").rglob("*.proto"))
    assert {
        (options[name].go_package, options[name].java_package, options[name].java_multiple_files) for name in ours
    } == {("holdfast/v1;holdfastv1", "holdfast.v1", True)}


def test_health_knows_every_service() -> None:
    services = {service.full_name for file in wire_files() for service in file.services_by_name.values()}
    assert set(health.NAMES) == {"", *services}


def test_options_are_paths_which_the_parsers_of_other_languages_read() -> None:
    """Of Node's, which stops at a name in brackets within a value."""
    assert not [
        f"{file.name}: {line.strip()}"
        for file in (PROTO / "holdfast").rglob("*.proto")
        for line in file.read_text(encoding="utf-8").splitlines()
        if "[holdfast." in line
    ]


def buf() -> str | None:
    """The path of buf: the one that BUF names, the repository's own, or the one on the path."""
    local = ROOT / "node_modules" / ".bin" / "buf"
    return os.environ.get("BUF") or (str(local) if local.exists() else shutil.which("buf"))


def test_buf_finds_nothing() -> None:
    command = buf()
    if command is None:
        pytest.skip("buf is absent: `npm install --no-save @bufbuild/buf` brings it")
    result = subprocess.run(
        [command, "lint"], cwd=PROTO, capture_output=True, text=True, check=False, timeout=BUF_TIMEOUT_S
    )
    assert result.returncode == 0, result.stdout + result.stderr
