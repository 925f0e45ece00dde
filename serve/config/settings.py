"""What an operator can set, by environment (`HOLDFAST_…`) or on the command line."""

from collections.abc import Sequence
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import Field, IPvAnyAddress, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, CliImplicitFlag, SettingsConfigDict

from actors.delivery.settings import FILE_VARIABLE, OWN_KEY_VARIABLE, PAGES_VARIABLE, read_messages_file
from actors.delivery.wording import prove_templates
from actors.journal.open import is_server, place_of, sqlite_setting
from actors.telemetry.logs import MEGABYTES_DEFAULT, LogSettings
from serve.config.haproxy import Listener
from serve.config.tls import Tls, check_authorities, check_certificate
from serve.products.table import NO_PRODUCTS, MalformedProducts, Products, load_products
from serve.sourcing.places import MalformedPostcodes, Postcodes, load_postcodes

SERVICE_FILE: Final = "service.json"
JOURNAL_DIR: Final = "journal"
CONTACTS_KEY: Final = "contacts.key"
LOG_DIR: Final = "logs"


class SettingsError(Exception):
    """A setting that cannot be served with: what, where, and what to do."""


class Settings(BaseSettings):
    """Serve on this machine until Ctrl-C. Options go before HOLDFAST_… of the environment."""

    model_config = SettingsConfigDict(
        env_prefix="HOLDFAST_",
        env_ignore_empty=True,  # an empty path would be the working directory
        extra="ignore",
        cli_prog_name="python -m serve",
        cli_kebab_case=True,
        cli_hide_none_type=True,
        cli_shortcuts={"grpc-port": "port"},
    )

    data_dir: Path = Field(default=Path("data"), description="Where the journals live, unless --journal says so.")
    chain_file: Path | None = Field(default=None, description="YAML file of stores and policy, applied at the start.")
    postcodes: Path | None = Field(default=None, description="CSV file of postcodes with their places.")
    products: Path | None = Field(
        default=None, description="CSV file of products: codes, places in shops, substitutes; read again as it changes."
    )
    host: IPvAnyAddress = Field(default=IPv4Address("127.0.0.1"), description="Address for gRPC.")
    tls_cert: Path | None = Field(default=None, description="PEM file of the service's certificate with its chain.")
    tls_key: Path | None = Field(default=None, description="PEM file of its key.")
    tls_client_ca: Path | None = Field(
        default=None, description="PEM file of the authorities of callers' certificates; others are not let in."
    )
    insecure: CliImplicitFlag[bool] = Field(
        default=False,
        description="Serve on another address than loopback where callers do not prove who they are (--tls-client-ca).",
    )
    grpc_port: int = Field(default=0, ge=0, le=65_535, description="Port for gRPC; 0 takes a free one.")
    pages_port: int | None = Field(
        default=None, ge=0, le=65_535, description="Port for the pages of shops' tablets; 0 takes a free one."
    )
    pages_host: IPvAnyAddress = Field(default=IPv4Address("127.0.0.1"), description="Address for the pages.")
    public_url: str = Field(
        default="", description="Where devices find the pages, https://HOST[:PORT], where that is a proxy's address."
    )
    demo_data: CliImplicitFlag[bool] = Field(
        default=False, description="Lay out three shops with a few orders to play with, and let a tablet in."
    )
    store_actors: int = Field(
        default=0, ge=0, le=1_024, description="Actors that share the shops; 0 gives each shop an actor of its own."
    )
    customer_actors: int = Field(default=1, ge=1, le=64, description="Actors that share the customers.")
    gateways: int = Field(default=1, ge=1, le=64, description="Gateway replicas; in a Ray cluster on each node.")
    sold_out_hint_ms: int = Field(
        default=100,
        ge=0,
        le=1_000,
        description="How long a gateway refuses first attempts for what a shop has said to be sold out; 0 asks always.",
    )
    hot_rate: int = Field(
        default=2_000,
        ge=0,
        le=1_000_000,
        description="Reserve calls a second for one SKU through one gateway that give it a ledger of its own; 0 leaves "
        "that to operators.",
    )
    journal_keep_mb: int = Field(
        default=0,
        ge=0,
        le=1_000_000_000,
        description="Megabytes of a journal's file from which on old records are sealed; 0 seals none.",
    )
    journal_archive: Path | None = Field(
        default=None, description="A folder on another disk, to which the oldest sealed files are moved."
    )
    journal_sealed_mb: int = Field(
        default=0,
        ge=0,
        le=1_000_000_000,
        description="Megabytes of sealed files that stay beside a journal where there is an archive.",
    )
    journal: str = Field(
        default="",
        description="A Redis or Valkey for all journals, redis://HOST:PORT/DB; empty keeps them in the data directory.",
    )
    contacts_key_file: Path | None = Field(
        default=None,
        description="File with the key of contacts; left out, contacts.key in the data directory, made at the first "
        "start.",
    )
    messages_file: Path | None = Field(
        default=None,
        description="YAML file by which customers are told what becomes of their orders.",
    )
    init: CliImplicitFlag[bool] = Field(
        default=False, description="Begin with journals that are empty, or other ones than the data directory's."
    )
    log_dir: Path | None = Field(
        default=None, description="Folder for the log files of all processes; left out, logs in the data directory."
    )
    log_mb: int = Field(
        default=MEGABYTES_DEFAULT, ge=1, le=100_000, description="Megabytes of log that are kept of each process."
    )
    log_format: Literal["auto", "json", "text"] = Field(
        default="auto", description="How log lines look: auto is text at a terminal, and JSON elsewhere and in files."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info",
        description="The least level of lines. debug has one for every call and every step of an actor, info for every "
        "call whose caller gives an x-request-id or a traceparent.",
    )
    metrics_port: int = Field(
        default=0, ge=0, le=65_535, description="Port for metrics, on this machine's own address; 0 serves none."
    )
    ray_address: str = Field(default="", description="A running Ray cluster; empty starts one on this machine.")

    @field_validator("insecure")
    @classmethod
    def _refuse_strangers(cls, insecure: bool, info: ValidationInfo) -> bool:
        host = info.data.get("host")
        if not insecure and host is not None and not host.is_loopback and not info.data.get("tls_client_ca"):
            raise ValueError(
                f"whoever reaches {host} could read and change everything; leave --host out, have callers prove who "
                "they are by --tls-client-ca, or give --insecure if nobody else reaches that address"
            )
        return insecure

    @field_validator("public_url")
    @classmethod
    def _refuse_url(cls, public_url: str) -> str:
        parts = urlsplit(public_url)
        more = parts.path.strip("/") + parts.query + parts.fragment + parts.netloc.rpartition("@")[1]
        if public_url and (parts.scheme not in ("http", "https") or not parts.hostname or more):
            raise ValueError(f"{public_url!r} is not https://HOST or https://HOST:PORT; leave a path out")
        return public_url.rstrip("/")

    @model_validator(mode="after")
    def _refuse_pages(self) -> "Settings":
        if self.pages_port is None:
            if self.demo_data:
                raise ValueError("--demo-data is laid out by the pages' process; give --pages-port too")
            return self
        if self.ray_address:
            raise ValueError(
                "in a Ray cluster pages are a process of their own: leave --pages-port out, and start "
                "`holdfast pages` on any machine that reaches the service"
            )
        if not (self.pages_host.is_loopback or self.tls_cert or self.insecure):
            raise ValueError(
                f"tokens of devices would be readable on the way to {self.pages_host}; give --tls-cert and "
                "--tls-key, or --insecure if nobody else reaches that address"
            )
        return self

    @field_validator("tls_key")
    @classmethod
    def _refuse_key(cls, key: Path | None, info: ValidationInfo) -> Path | None:
        certificate = info.data.get("tls_cert")
        if (key is None) != (certificate is None):
            raise ValueError("without both --tls-cert and --tls-key nothing is encrypted; give the other one too")
        if key is not None and certificate is not None:
            check_certificate(certificate, key)
        return key

    @field_validator("tls_client_ca")
    @classmethod
    def _refuse_client_ca(cls, client_ca: Path | None, info: ValidationInfo) -> Path | None:
        if client_ca is not None:
            if info.data.get("tls_key") is None:
                raise ValueError("without --tls-cert and --tls-key nothing is encrypted; give those too")
            check_authorities(client_ca)
        return client_ca

    @field_validator("ray_address")
    @classmethod
    def _refuse_certificate(cls, ray_address: str, info: ValidationInfo) -> str:
        if ray_address and info.data.get("tls_cert") is not None:
            raise ValueError("in a Ray cluster each node has its certificate: give it to `holdfast node` instead")
        return ray_address

    @property
    def tls(self) -> Tls | None:
        """What callers' connections are encrypted with, None where they are not."""
        if self.tls_cert is None or self.tls_key is None:
            return None
        client_ca = self.tls_client_ca and self.tls_client_ca.resolve()
        return Tls(self.tls_cert.resolve(), self.tls_key.resolve(), client_ca)

    @field_validator("journal_archive")
    @classmethod
    def _refuse_idle_archive(cls, archive: Path | None, info: ValidationInfo) -> Path | None:
        if archive is None:
            return archive
        if not info.data.get("journal_keep_mb"):
            raise ValueError("without --journal-keep-mb nothing is sealed that could move there; give that too")
        if not archive.is_absolute():
            raise ValueError(f"{archive} would be another folder at a start from elsewhere; give the whole path")
        data_dir = info.data.get("data_dir")
        if data_dir is not None and archive.resolve().is_relative_to(data_dir.resolve() / JOURNAL_DIR):
            raise ValueError(f"{archive} is where the journals are; give a folder on another disk")
        if archive.exists() and not archive.is_dir():
            raise ValueError(f"{archive} is no folder; give one on another disk")
        return archive

    @field_validator("journal_sealed_mb")
    @classmethod
    def _refuse_idle_bound(cls, sealed_mb: int, info: ValidationInfo) -> int:
        if sealed_mb and info.data.get("journal_archive") is None:
            raise ValueError("without --journal-archive nothing moves away; give that too")
        return sealed_mb

    @field_validator("journal")
    @classmethod
    def _refuse_unknown_journal(cls, journal: str, info: ValidationInfo) -> str:
        if not journal:
            return journal
        place = place_of(journal)
        if not is_server(journal):
            raise ValueError(f"files are in the data directory, not in {place}; leave --journal out")
        if info.data.get("journal_keep_mb"):
            raise ValueError(f"records in {place} stay in its memory, and none are sealed; leave --journal-keep-mb out")
        return journal

    @field_validator("messages_file")
    @classmethod
    def _refuse_bad_messages(cls, path: Path | None) -> Path | None:
        if path is not None:  # the notifier reads it again: faults are reported before the start
            prove_templates(read_messages_file(path))
        return path

    @field_validator("ray_address")
    @classmethod
    def _refuse_host(cls, ray_address: str, info: ValidationInfo) -> str:
        host, default = info.data.get("host"), cls.model_fields["host"].default
        if ray_address and host is not None and host != default:
            raise ValueError(
                f"in a Ray cluster gRPC listens on each node's own address, and --host {host} would do nothing; leave "
                "one of the two out"
            )
        return ray_address

    @field_validator("ray_address")
    @classmethod
    def _refuse_port(cls, ray_address: str, info: ValidationInfo) -> str:
        if ray_address and info.data.get("metrics_port"):
            raise ValueError("in a Ray cluster metrics are on the port that `ray start --metrics-export-port` has")
        return ray_address

    @field_validator("ray_address")
    @classmethod
    def _refuse_strangers_of_nodes(cls, ray_address: str, info: ValidationInfo) -> str:
        if ray_address and not info.data.get("insecure"):
            raise ValueError(
                "in a Ray cluster gRPC listens on each node's own address, and whoever reaches that could read and "
                "change everything; give --insecure if nobody else does, or `holdfast node` has --tls-client-ca"
            )
        return ray_address

    @property
    def pages(self) -> Listener | None:
        """Where browsers find the pages, at port 0 where any free one will do; None where there are none."""
        return None if self.pages_port is None else Listener(str(self.pages_host), self.pages_port)

    @property
    def actor_host(self) -> str:
        """Where actors listen: on this machine alone, or, in a cluster, where Ray knows their nodes (empty)."""
        return "" if self.ray_address else "127.0.0.1"

    @property
    def logs(self) -> LogSettings:
        """Where and how all processes write their log lines."""
        folder = self.log_dir or self.data_dir / LOG_DIR
        return LogSettings(str(folder.resolve()), self.log_mb, self.log_format, self.log_level)

    @property
    def contacts_key_path(self) -> Path:
        return (self.contacts_key_file or self.data_dir / CONTACTS_KEY).resolve()

    @property
    def notices(self) -> dict[str, str]:
        """What the notifier's process has in its environment."""
        if self.messages_file is None:
            return {}
        pages = {PAGES_VARIABLE: self.public_url} if self.public_url else {}
        return {
            FILE_VARIABLE: str(self.messages_file.resolve()),
            OWN_KEY_VARIABLE: str(self.contacts_key_path),
            **pages,
        }

    @property
    def directions(self) -> dict[str, str]:
        """By shop, how one finds it."""
        return {} if self.messages_file is None else read_messages_file(self.messages_file).directions

    @property
    def journals(self) -> str:
        """Where every actor keeps its journal, as KIND:PLACE; see `actors.journal.open`."""
        if self.journal:
            return self.journal
        folder, away = self.data_dir.resolve() / JOURNAL_DIR, self.journal_archive
        return sqlite_setting(folder, self.journal_keep_mb, self.journal_sealed_mb, away and away.resolve())


def read_settings(arguments: Sequence[str] = (), **given: Any) -> Settings:
    """Settings of command-line arguments, or else the environment. Raises SettingsError with every fault and its field;
    ends the process where an option is unknown.
    """
    try:
        return Settings(**{"_cli_parse_args": list(arguments), **given})
    except ValidationError as error:
        raise SettingsError(f"a setting does not hold:\n{faults_of(error, 'together')}") from error


def read_postcodes_file(path: Path | None) -> Postcodes:
    """The table of postcodes, an empty one where none is set. Raises SettingsError with line and field."""
    if path is None:
        return Postcodes({})
    try:
        return load_postcodes(path)
    except OSError as error:
        raise SettingsError(f"the postcodes {path} cannot be read: {error.strerror}; check the path") from error
    except MalformedPostcodes as error:
        raise SettingsError(f"the postcodes {path} do not hold: {error}; mend that line") from error


def read_products_file(path: Path | None) -> Products:
    """The table of products, an empty one where none is set. Raises SettingsError with the line."""
    if path is None:
        return NO_PRODUCTS
    try:
        return load_products(path)
    except OSError as error:
        raise SettingsError(f"the products {path} cannot be read: {error.strerror}; check the path") from error
    except MalformedProducts as error:
        raise SettingsError(f"the products {path} do not hold: {error}; mend that line") from error


def faults_of(error: ValidationError, whole: str = "the file") -> str:
    """Every fault of a model with its place, one on a line; `whole` is that of what concerns no field alone."""
    return "\n".join(
        f"  {'.'.join(str(part) for part in fault['loc']) or f'({whole})'}: {fault['msg']}" for fault in error.errors()
    )
