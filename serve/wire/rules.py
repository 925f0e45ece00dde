"""Applies the rules in proto/ to a request: every violation with its field's path and what mends it.

protovalidate applies them, in 10 us to a small message (CPython 3.11). Calls on the hot path have a quick test
beside their translation; what that one does not pass comes here, and the rules decide. Whether the business allows a
request is the ledger's question.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from protovalidate import Validator

RULES_FILE: Final = Path(__file__).with_name("rules.binpb")
CACHED_MAX: Final = 512  # messages and fields; fewer stand in proto/
FAULTS_MAX: Final = 24  # by the rules, told in words: 30 us each, and a request may have 12,288
DAY_S: Final = 86_400

# Of the rules in proto/, for those who say the same: quick tests and the chain file.
STORE_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
STORE_ID_CHARS_MAX: Final = 64
SKU_CHARS_MAX: Final = 64
CHANNEL_CHARS_MAX: Final = 32
NAME_CHARS_MAX: Final = 128
QUANTITY_MAX: Final = 1_000_000

NANOS: Final = 1_000_000_000
SECONDS_MAX: Final = 9_000_000_000  # either way, 285 years; beyond it a rule's expression cannot count
_TIMES: Final = ("google.protobuf.Duration", "google.protobuf.Timestamp")
_STEP: Final = re.compile(r"(\w+)(?:\[(\d+)\])?")


class BadField(NamedTuple):
    """A field's path, and what is wrong with it."""

    field: str
    description: str


class InvalidRequest(Exception):
    """A request that no ledger will see."""

    def __init__(self, violations: list[BadField]) -> None:
        super().__init__("; ".join(f"{violation.field}: {violation.description}" for violation in violations))
        self.violations = violations


class Checked:
    """What is wrong with a request: by its rules, and what its call finds besides. Raises InvalidRequest at once where
    a list is too long to look into.
    """

    def __init__(self, request: Message) -> None:
        self._descriptor = request.DESCRIPTOR
        self._found: dict[str, str] = {}
        kind = _ruled(request.DESCRIPTOR.full_name)
        for field, description in _first_of_all(request, "", kind.DESCRIPTOR):
            self.fault(field, description)
        self.raise_if_faulty()
        ruled = kind.FromString(request.SerializeToString())
        for violation in _validator().collect_violations(ruled)[:FAULTS_MAX]:
            self.fault(*_told(violation, ruled.DESCRIPTOR))

    def __contains__(self, field: str) -> bool:
        return field in self._found

    def fault(self, field: str, description: str) -> None:
        """Note a fault. Of those of one field the first is told."""
        self._found.setdefault(field, description)

    def once(self, field: str, rows: Iterable[Any], name: str) -> None:
        """Each value of `name` stands in one row only. No rule says so: CEL's `unique` takes 400 ms for 4,096 rows."""
        seen: set[str] = set()
        for index, row in enumerate(rows):
            value = getattr(row, name)
            if value in seen:
                self.fault(f"{field}[{index}].{name}", "stands twice; send it once")
            seen.add(value)

    def raise_if_faulty(self) -> None:
        """Raises InvalidRequest where there was a fault; the fields in their sequence."""
        if self._found:
            in_sequence = sorted(self._found, key=lambda field: _place_of(field, self._descriptor))
            raise InvalidRequest([BadField(field, self._found[field]) for field in in_sequence])


@lru_cache(maxsize=CACHED_MAX)
def _pool() -> DescriptorPool:
    """The messages with their rules, which the generated modules do not have."""
    pool = DescriptorPool()
    for file in FileDescriptorSet.FromString(RULES_FILE.read_bytes()).file:
        pool.Add(file)
    return pool


_validator: Final = lru_cache(maxsize=1)(Validator)


@lru_cache(maxsize=CACHED_MAX)
def _ruled(name: str) -> type[Message]:
    return GetMessageClass(_pool().FindMessageTypeByName(name))


@lru_cache(maxsize=CACHED_MAX)
def _fields_to_look_into(descriptor: Any) -> tuple[Any, ...]:
    """The fields that are lists, intervals or instants, or may have some in them."""
    return tuple(
        field
        for field in descriptor.fields
        if field.is_repeated
        or (
            field.message_type is not None
            and (field.message_type.full_name in _TIMES or _fields_to_look_into(field.message_type))
        )
    )


def _first_of_all(message: Any, path: str, ruled: Any) -> Iterator[tuple[str, str]]:
    """What keeps the rules from being applied: lists that are too long to look into, which could be of millions, and
    intervals and instants that break the rules of their own types. `ruled` describes the message with its rules.
    """
    for field in _fields_to_look_into(ruled):
        value = getattr(message, field.name)
        if field.is_repeated:
            rules = _rules_of(field)
            entries_max = rules.map.max_pairs or rules.repeated.max_items
            if 0 < entries_max < len(value):
                mend = ", send the rest in another call" if rules.repeated.min_items else ""
                sentence = f"has {len(value)} entries; at most {entries_max} are taken{mend}"
                yield path + field.name, sentence
            elif field.message_type and not rules.HasField("map") and _fields_to_look_into(field.message_type):
                for index, row in enumerate(value):
                    yield from _first_of_all(row, f"{path}{field.name}[{index}].", field.message_type)
        elif not message.HasField(field.name):
            continue
        elif field.message_type.full_name not in _TIMES:
            yield from _first_of_all(value, f"{path}{field.name}.", field.message_type)
        elif not (-SECONDS_MAX <= value.seconds <= SECONDS_MAX and 0 <= value.nanos < NANOS):
            yield path + field.name, "is out of range; send 0 to 999999999 nanos, and fewer seconds"


def _told(violation: Any, descriptor: Any) -> tuple[str, str]:
    """The path and the sentence of one violation. A rule of a whole message has the path of the field that it is about
    as its id.
    """
    told = violation.proto
    path: list[str] = []
    at = descriptor
    field, is_item = None, False
    for element in told.field.elements if told.field else ():
        field = at.fields_by_name[element.field_name]
        is_item = element.subscript is not None
        path.append(element.field_name + (f"[{element.subscript.value}]" if is_item else ""))
        at = field.message_type
    if at is not None and told.rule_id.partition(".")[0] in at.fields_by_name:
        path.append(told.rule_id)
    return ".".join(path), _sentence(told.rule_id, told.message, violation.field_value, field, is_item=is_item)


def _place_of(path: str, descriptor: Any) -> list[int]:
    """Sorts paths as the fields stand in the messages."""
    place: list[int] = []
    at = descriptor
    for name, index in _STEP.findall(path):
        field = None if at is None else at.fields_by_name.get(name)
        if field is None:
            break
        place += field.number, int(index or 0)
        at = field.message_type
    return place


def _sentence(rule_id: str, message: str, value: Any, field: Any, *, is_item: bool) -> str:
    """What is wrong and what mends it: the rule's own message, unless it is one of the standard rules."""
    kind, _, rule = rule_id.partition(".")
    if field is None or not (rule or kind == "required"):
        return message
    rules = _rules_of(field)
    if is_item:
        rules = rules.map.values if rules.HasField("map") else rules.repeated.items
    match kind, rule:
        case ("required", _) | ("string", "min_len") | ("repeated", "min_items"):
            return f"is required: {_wanted(rules, field)}".removesuffix(": ")
        case "string", "max_len":
            return f"has {len(value)} characters; at most {rules.string.max_len} are taken"
        case "enum", _:
            return f"{f'is {value}; send' if value else 'is required:'} one of {_wanted(rules, field)}"
        case "duration", _:
            return f"is out of range; send {_wanted(rules, field)}" + ("" if rules.required else ", or leave it out")
        case "timestamp", _:
            return "is not an instant between 1970 and 2100; send it in UTC, or leave it out"
        case (("int32" | "int64" | "double"), _):
            return f"is {value}; send {_wanted(rules, field)}"
    return message


def _wanted(rules: Any, field: Any) -> str:
    """The values that a field takes, as far as its standard rules say."""
    kind = rules.WhichOneof("type")
    own: Any = getattr(rules, kind) if kind else None
    match kind:
        case "string":
            return f"{own.min_len} to {own.max_len} characters"
        case "repeated":
            return f"{own.min_items} to {own.max_items} entries"
        case "enum":
            return ", ".join(value.name for value in field.enum_type.values if value.number not in own.not_in)
        case "duration":
            return f"{own.gte.seconds + own.gte.nanos / NANOS:g} s to {own.lte.seconds // DAY_S} days"
        case "int32" | "int64":
            return f"{own.gte} to {own.lte}" if own.HasField("lte") else f"{own.gte} or more"
        case "double":
            return f"{own.gte:g} to {own.lte:g}" if own.HasField("lte") else f"{own.gte:g} or more"
    return ""


@lru_cache(maxsize=CACHED_MAX)
def _rules_of(field: Any) -> Any:
    """A field's rules, a `buf.validate.FieldRules`."""
    options: Any = _ruled("google.protobuf.FieldOptions").FromString(field.GetOptions().SerializeToString())
    return options.Extensions[_pool().FindExtensionByName("buf.validate.field")]
