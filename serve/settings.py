"""What an operator can set, by environment (`HOLDFAST_…`) or on the command line, and the chain file."""

import fcntl
import re
import shutil
from collections import Counter
from pathlib import Path
from typing import Any, Final, Self, TextIO

import orjson
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from actors.ledger.policy import TTL_MS_CEILING
from actors.placement import PLACEMENT_VERSION
from serve.validation import (
    CHANNEL_CHARS_MAX,
    NAME_CHARS_MAX,
    QUANTITY_MAX,
    SKU_CHARS_MAX,
    STORE_ID,
    STORE_ID_CHARS_MAX,
)

PLACEMENT_FILE: Final = "placement.json"
SERVICE_FILE: Final = "service.json"
LOCK_FILE: Final = "lock"
RUN_DIR_FILE: Final = "run_dir"
RUN_DIR_PREFIX: Final = "hf-"

DURATION_CHARS_MAX: Final = 32
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)")
_UNIT_MS: Final = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


class SettingsError(Exception):
    """A setting that cannot be served with: what, where, and what to do."""


class Settings(BaseSettings):
    """Read from the environment as HOLDFAST_DATA_DIR and so on."""

    model_config = SettingsConfigDict(env_prefix="HOLDFAST_", extra="ignore")

    data_dir: Path = Field(default=Path("data"), description="Where the journals live.")
    chain_file: Path | None = Field(default=None, description="YAML file of stores and policy, applied at the start.")
    grpc_port: int = Field(default=0, ge=0, le=65_535, description="Port for gRPC; 0 takes a free one.")
    store_actors: int = Field(
        default=0, ge=0, le=1_024, description="Actors that share the shops; 0 gives each shop an actor of its own."
    )
    gateways: int = Field(default=1, ge=1, le=64, description="Gateway replicas.")
    ray_address: str = Field(default="", description="A running Ray cluster; empty starts one on this machine.")


def read_settings(**given: Any) -> Settings:
    """What was given, and the environment for the rest. Raises SettingsError with every fault and its place."""
    try:
        return Settings(**given)
    except ValidationError as error:
        raise SettingsError(f"a setting does not hold:\n{_faults(error)}") from error


class StoreRow(BaseModel):
    """A shop in the chain file."""

    model_config = ConfigDict(extra="forbid")

    store_id: str
    name: str = Field(default="", max_length=NAME_CHARS_MAX)
    latitude: float = Field(default=0.0, ge=-90, le=90)
    longitude: float = Field(default=0.0, ge=-180, le=180)
    paused: bool = False

    @field_validator("store_id")
    @classmethod
    def _is_store_id(cls, value: str) -> str:
        if not STORE_ID.fullmatch(value):
            raise ValueError("a shop's id is 1 to 64 of A-Z a-z 0-9 . _ -")
        return value


def duration_ms(value: Any) -> int:
    """Milliseconds of `90s`, `15m`, `2h`, `7d` or `1h30m`."""
    text = str(value).strip()
    if len(text) > DURATION_CHARS_MAX:  # first: the pattern takes the square of a long number's length
        raise ValueError(f"a time has at most {DURATION_CHARS_MAX} characters; write 90s, 15m, 2h, 7d or 1h30m")
    if not text or _DURATION.sub("", text).strip():
        raise ValueError(f"{text!r} is not a time; write 90s, 15m, 2h, 7d or 1h30m")
    return int(sum(float(amount) * _UNIT_MS[unit] for amount, unit in _DURATION.findall(text)))


class TtlRow(BaseModel):
    """A hold's time where channel, SKU and shop fit."""

    model_config = ConfigDict(extra="forbid")

    channel: str = Field(default="", max_length=CHANNEL_CHARS_MAX)
    sku: str = Field(default="", max_length=SKU_CHARS_MAX)
    store_id: str = Field(default="", max_length=STORE_ID_CHARS_MAX)
    ttl: int

    _ttl = field_validator("ttl", mode="before")(duration_ms)


class LimitRow(BaseModel):
    """What one customer may hold in a shop where channel and SKU fit; 0 sets no limit."""

    model_config = ConfigDict(extra="forbid")

    channel: str = Field(default="", max_length=CHANNEL_CHARS_MAX)
    sku: str = Field(default="", max_length=SKU_CHARS_MAX)
    open_reservations_max: int = Field(default=0, ge=0, le=QUANTITY_MAX)
    units_max: int = Field(default=0, ge=0, le=QUANTITY_MAX)


class PolicyRow(BaseModel):
    """The chain's rules."""

    model_config = ConfigDict(extra="forbid")

    ttl_default: int = 7_200_000
    ttl_max: int = 604_800_000
    collect_within: int = 172_800_000
    ttl_rules: list[TtlRow] = []
    limit_rules: list[LimitRow] = []

    _times = field_validator("ttl_default", "ttl_max", "collect_within", mode="before")(duration_ms)

    @model_validator(mode="after")
    def _within_max(self) -> Self:
        times = [self.ttl_default, self.collect_within, *(rule.ttl for rule in self.ttl_rules)]
        if not 0 < min(times) <= max(times) <= self.ttl_max:
            raise ValueError("every time must be more than zero and at most ttl_max")
        if self.ttl_max > TTL_MS_CEILING:
            raise ValueError("ttl_max must be at most 30d")
        return self


class ChainFile(BaseModel):
    """`stores` and `policy`; either may be left out, and is then left as it is."""

    model_config = ConfigDict(extra="forbid")

    stores: list[StoreRow] = []
    policy: PolicyRow | None = None

    @field_validator("stores")
    @classmethod
    def _each_once(cls, rows: list[StoreRow]) -> list[StoreRow]:
        repeated = sorted(store_id for store_id, count in Counter(row.store_id for row in rows).items() if count > 1)
        if repeated:
            raise ValueError(f"these shops stand more than once: {', '.join(repeated)}")
        return rows


def read_chain_file(path: Path) -> ChainFile:
    """Raises SettingsError with every fault and its place."""
    try:
        return ChainFile.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
    except OSError as error:
        raise SettingsError(f"the chain file {path} cannot be read: {error.strerror}; check the path") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(f"the chain file {path} is not YAML: {error}") from error
    except ValidationError as error:
        raise SettingsError(f"the chain file {path} does not hold:\n{_faults(error)}") from error


def _faults(error: ValidationError) -> str:
    return "\n".join(
        f"  {'.'.join(str(part) for part in fault['loc']) or '(the file)'}: {fault['msg']}" for fault in error.errors()
    )


def hold_data_dir(data_dir: Path) -> TextIO:
    """Hold the directory for this service until the file is closed; raises SettingsError where another one has it."""
    held = (data_dir / LOCK_FILE).open("w", encoding="utf-8")
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        held.close()
        raise SettingsError(f"{data_dir} is served already; stop that service, or take another --data-dir") from error
    return held


def take_run_dir(data_dir: Path, run_dir: Path) -> None:
    """Note where this service writes beside its data, and remove what the one before left there if it was killed."""
    note = data_dir / RUN_DIR_FILE
    if note.exists():
        last = Path(note.read_text(encoding="utf-8"))
        if last != run_dir and last.name.startswith(RUN_DIR_PREFIX):
            shutil.rmtree(last, ignore_errors=True)
    note.write_text(str(run_dir), encoding="utf-8")


def fix_placement(data_dir: Path, store_actors: int) -> None:
    """Write the placement down at the first start; raises SettingsError where a later start differs.

    A journal belongs to one actor, so shops would lose their ledgers under another number of actors.
    """
    path = data_dir / PLACEMENT_FILE
    placement = {"version": PLACEMENT_VERSION, "store_actors": store_actors}
    if not path.exists():
        path.write_bytes(orjson.dumps(placement))
        return
    try:
        written = orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError as error:
        raise SettingsError(
            f"{path} cannot be read: {error}; write {orjson.dumps(placement).decode()} into it"
        ) from error
    if written != placement:
        raise SettingsError(
            f"{data_dir} was made with store_actors={written.get('store_actors')} (placement version "
            f"{written.get('version')}), now store_actors={store_actors} is asked for; start with the number that it "
            "was made with, or with another data directory"
        )
