"""Writes the Python modules of `holdfast.v1`, for `make proto` and for the test that compares them with the tree.

What protoc writes refuses every protobuf and grpcio older than those that wrote it. Users have their own versions, and
the modules work with them (tests/clients/test_distribution.py), so the refusals are taken out. Options that are not
protobuf's own, such as rules for validation, are taken out too, with the imports that they need: a client does not need
a further distribution to load its messages. The service applies the rules: it has all files with all options as one
descriptor set. Enums are also written as such, for the client's own values (`holdfast.v1.enums`), and services are
listed (`holdfast.v1.services`).
"""

import re
import sys
import tempfile
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet
from grpc_tools import protoc

PROTO: Final = Path(__file__).resolve().parent
RULES: Final = ("buf/validate/", "holdfast/v1/rules.proto")
"""What begins so defines options for validation and nothing else."""
RULES_SET: Final = PROTO.parent / "serve" / "wire" / "rules.binpb"
"""The descriptor set with the rules, for `serve.wire.rules`."""

ENUMS: Final = "holdfast/v1/enums.py"
SERVICES: Final = "holdfast/v1/services.py"

_REFUSALS: Final = (
    re.compile(r"^from google\.protobuf import runtime_version as _runtime_version\n", re.MULTILINE),
    re.compile(r"^_runtime_version\.ValidateProtobufRuntimeVersion\(\n(?:    .*\n)*\)\n", re.MULTILINE),
    re.compile(r"^GRPC_GENERATED_VERSION = (?s:.*?)^    raise RuntimeError\((?s:.*?)^    \)\n", re.MULTILINE),
    re.compile(r"^import warnings\n", re.MULTILINE),
)


def generate(out: Path, rules_set: Path) -> None:
    """Write the modules of every .proto file, and the stubs and servicers of those that have services, below `out`, and
    the descriptor set with the rules.
    """
    names = [file.relative_to(PROTO).as_posix() for file in sorted(PROTO.rglob("*.proto"))]
    sources = [name for name in names if not name.startswith(RULES)]
    with tempfile.TemporaryDirectory() as scratch:
        descriptors = Path(scratch) / "descriptors"
        _protoc(
            *(f"-I{PROTO}", f"-I{files('grpc_tools') / '_proto'}", f"--descriptor_set_out={descriptors}"),
            *("--include_imports", "--include_source_info", *sources),
        )
        found = FileDescriptorSet.FromString(descriptors.read_bytes())
        rules_set.write_bytes(with_rules(found).SerializeToString(deterministic=True))
        found = without_rules(found)
        descriptors.write_bytes(found.SerializeToString())
        given = f"--descriptor_set_in={descriptors}"
        _protoc(given, f"--python_out={out}", f"--pyi_out={out}", *sources)
        services = [file.name for file in found.file if file.service and file.name in sources]
        _protoc(given, f"--grpc_python_out={out}", *services)
    (out / ENUMS).write_text(enums_of(found), encoding="utf-8")
    (out / SERVICES).write_text(services_of(found), encoding="utf-8")
    for module in sorted(out.rglob("*_pb2*.py")):
        text = module.read_text(encoding="utf-8")
        for refusal in _REFUSALS:
            text = refusal.sub("", text)
        module.write_text(text, encoding="utf-8")


def enums_of(descriptors: FileDescriptorSet) -> str:
    """A module with the enums of our files, which needs no protobuf: members without their prefix, and all comments."""
    lines = ['"""The enums of holdfast.v1. Written by `make proto`."""', "", "from enum import IntEnum"]
    for file in descriptors.file:
        said = {tuple(each.path): each.leading_comments for each in file.source_code_info.location}
        for place, kind in enumerate(file.enum_type if file.name.startswith("holdfast/") else ()):
            prefix = re.sub("(?<!^)(?=[A-Z])", "_", kind.name).upper() + "_"
            comment = said[5, place].strip().replace("\n ", "\n    ")
            lines += ["", "", f"class {kind.name}(IntEnum):", f'    """{comment}"""', ""]
            for number, value in enumerate(kind.value):
                lines += [f"    #{line}" for line in said[5, place, 2, number].splitlines()]
                lines.append(f"    {value.name.removeprefix(prefix)} = {value.number}")
    return "\n".join([*lines, ""])


def services_of(descriptors: FileDescriptorSet) -> str:
    """A module with the descriptors of all services."""
    lines = ['"""The services of holdfast.v1. Written by `make proto`."""', "", "from typing import Final", ""]
    lines += ["from google.protobuf.descriptor import ServiceDescriptor", ""]
    found = {Path(file.name).stem + "_pb2": file.service for file in descriptors.file if file.service}
    lines += [f"from holdfast.v1 import {module}" for module in found]
    lines += ["", "SERVICES: Final[tuple[ServiceDescriptor, ...]] = ("]
    for module, services in found.items():
        lines += [f'    {module}.DESCRIPTOR.services_by_name["{each.name}"],' for each in services]
    return "\n".join([*lines, ")", ""])


def with_rules(descriptors: FileDescriptorSet) -> FileDescriptorSet:
    """The same files with all options, without comments."""
    kept = FileDescriptorSet()
    kept.CopyFrom(descriptors)
    for file in kept.file:
        file.ClearField("source_code_info")
    return kept


def without_rules(descriptors: FileDescriptorSet) -> FileDescriptorSet:
    """The same files without options that protobuf itself does not define, and without the files that define them."""
    kept = FileDescriptorSet()
    for file in descriptors.file:
        if not file.name.startswith(RULES):
            _strip_imports(file)
            _strip(file)
            kept.file.append(file)
    return kept


def _strip_imports(file: FileDescriptorProto) -> None:
    old = list(file.dependency)
    kept = [name for name in old if not name.startswith(RULES)]
    file.dependency[:] = kept
    for marked in (file.public_dependency, file.weak_dependency):
        marked[:] = [kept.index(old[number]) for number in marked if old[number] in kept]


def _strip(message: Any) -> None:
    for field, value in message.ListFields():
        if field.name == "options":
            # An option that this program has no descriptor for is an unknown field to it.
            value.DiscardUnknownFields()
            if not value.ByteSize():
                message.ClearField("options")
        elif field.message_type is not None:
            for part in value if field.is_repeated else (value,):
                _strip(part)
    if isinstance(message, FieldDescriptorProto) and message.json_name == _json_name(message.name):
        message.ClearField("json_name")  # what protoc writes into a set only, and takes for given


def _json_name(name: str) -> str:
    return re.sub("_(.)", lambda match: match[1].upper(), name)


def _protoc(*arguments: str) -> None:
    if protoc.main(["protoc", *arguments]):
        raise SystemExit(1)


if __name__ == "__main__":
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else PROTO
    generate(out, RULES_SET if out == PROTO else out / RULES_SET.name)
