"""What an operator writes: every fault is told with its place, and what was fixed once stays so."""

import io
import logging
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote_plus

import orjson
import pytest
from hypothesis import given, strategies as st

from actors.core.durations import duration_ms
from actors.core.policy import LineRule, LosesFirst
from holdfast.client.cli.options import duration_ms as command_duration_ms
from serve.config.chain_file import read_chain_file
from serve.config.data_dir import hold_data_dir, take_run_dir
from serve.config.environment import check_port
from serve.config.haproxy import Listener
from serve.config.logs import log_handler
from serve.config.settings import (
    SettingsError,
    read_postcodes_file,
    read_settings,
)
from serve.sourcing.places import Place

S, M, H, D = 1_000, 60_000, 3_600_000, 86_400_000


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        *(("90s", 90 * S), ("15m", 15 * M), ("2h", 2 * H), ("7d", 7 * D), ("1h30m", 90 * M), ("1h 30m", 90 * M)),
        *(("250ms", 250), ("1.5h", 90 * M), (" 2 h ", 2 * H), ("1d1h1m1s1ms", D + H + M + S + 1)),
    ],
)
def test_times_are_read(text: str, ms: int) -> None:
    assert duration_ms(text) == ms


@pytest.mark.parametrize(
    "text", ["", " ", "2", "h", "2x", "-2h", "2h!", "two hours", 7_200, None, 1.5, "1e3s", "2hh", "∞h"]
)
def test_what_is_no_time_is_refused(text: Any) -> None:
    with pytest.raises(ValueError, match="is not a time; write 90s"):
        duration_ms(text)


def test_a_time_of_any_length_is_not_searched() -> None:
    with pytest.raises(ValueError, match="has at most 32 characters"):
        duration_ms("9" * 1_000)


@given(st.integers(0, 99), st.integers(0, 23), st.integers(0, 59))
def test_parts_of_a_time_add_up(days: int, hours: int, minutes: int) -> None:
    assert duration_ms(f"{days}d{hours}h{minutes}m") == days * D + hours * H + minutes * M


@given(st.from_regex(r"([0-9]{1,3}(\.[0-9]{1,4})? ?(ms|s|m|h|d) ?){1,2}", fullmatch=True))
def test_the_command_reads_times_alike(text: str) -> None:
    assert duration_ms(text) == command_duration_ms(text)


def chain_file(folder: Path, text: str | bytes) -> Path:
    """A chain file."""
    path = folder / "chain.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_whole_chain_file(tmp_path: Path) -> None:
    text = """
    stores:
      - {store_id: S1, name: One, latitude: 52.5, longitude: 13.4}
      - {store_id: S2, paused: true}
    policy:
      ttl_default: 90m
      ttl_max: 30d
      collect_within: 2d
      ttl_rules: [{channel: web, sku: A, store_id: S1, ttl: 15m}]
      limit_rules: [{channel: web, open_reservations_max: 3}]
      loses_first: youngest
      losers_wait: true
      line_may_pass: true
      line_take_up: 10m
      returns_within: 100d
      line_rules: [{store_id: S1, take_up: 5m}, {store_id: S2, may_pass: true}]
    """
    chain = read_chain_file(chain_file(tmp_path, text))
    assert [(row.store_id, row.paused) for row in chain.stores] == [("S1", None), ("S2", True)]
    assert chain.policy is not None
    assert (chain.policy.ttl_default, chain.policy.ttl_rules[0].ttl) == (90 * M, 15 * M)
    policy = chain.policy.to_policy()
    assert (policy.loses_first, policy.losers_wait) == (LosesFirst.YOUNGEST, True)
    assert (policy.line_may_pass, policy.line_take_up_ms) == (True, 10 * M)
    assert policy.returns_within_ms == 100 * 1_440 * M
    assert policy.line_rules == (LineRule("S1", False, 5 * M), LineRule("S2", True, 0))


@pytest.mark.parametrize("text", ["", "stores: []", "{}", "# nothing"])
def test_an_empty_chain_file_leaves_all_as_it_is(tmp_path: Path, text: str) -> None:
    chain = read_chain_file(chain_file(tmp_path, text))
    assert (chain.stores, chain.policy) == ([], None)


FAULTS = [
    ("stores: [{store_id: 'S 1'}]", "stores.0.store_id: Value error, a shop's id is 1 to 64 of"),
    (
        "stores: [{store_id: S1}, {store_id: S2}, {store_id: S1}]",
        "stores: Value error, these shops stand more than once: S1",
    ),
    ("stores: [{name: One}]", "stores.0.store_id: Field required"),
    ("stores: [{store_id: S1, latitude: 1}]", "stores.0: Value error, write latitude and longitude, or neither"),
    ("stores: [{store_id: S1, latitude: 91}]", "stores.0.latitude: Input should be less than or equal to 90"),
    ("stores: [{store_id: S1, longitude: .nan}]", "stores.0.longitude"),
    ("stores: [{store_id: S1, colour: red}]", "stores.0.colour: Extra inputs are not permitted"),
    ("stores: 7", "stores: Input should be a valid list"),
    ("shops: []", "shops: Extra inputs are not permitted"),
    ("policy: {ttl_default: 2}", "policy.ttl_default: Value error, '2' is not a time"),
    ("policy: {ttl_default: 8d}", "policy: Value error, every time must be more than zero and at most ttl_max"),
    ("policy: {ttl_default: 0s}", "policy: Value error, every time must be more than zero"),
    ("policy: {ttl_max: 31d}", "policy: Value error, ttl_max must be at most 30d"),
    ("policy: {ttl_rules: [{channel: web}]}", "policy.ttl_rules.0.ttl: Field required"),
    ("policy: {ttl_rules: [{ttl: 8d}]}", "policy: Value error, every time must be"),
    ("policy: {limit_rules: [{units_max: -1}]}", "policy.limit_rules.0.units_max"),
    ("policy: {chain_limit_rules: [{collected_for: 31d}]}", "collected_for must be at most 30d"),
    ("policy: {loses_first: oldest}", "policy.loses_first: Input should be 'lowest_status' or 'youngest'"),
    ("stores: [{store_id: S1, channels: ['']}]", "stores.0.channels.0: String should have at least 1 character"),
    ("[]", None),
    ("- a\n- b", "(the file)"),
    ("just text", "(the file)"),
    ("stores: [", "is not YAML"),
    (b"stores: \xff\xfe", "is not YAML"),
    ("hours: {special_days: {2026-13-24: closed}}", "is not YAML: month must be in 1..12"),
]


@pytest.mark.parametrize(("text", "why"), FAULTS)
def test_a_fault_is_told_with_its_place(tmp_path: Path, text: str | bytes, why: str | None) -> None:
    path = chain_file(tmp_path, text)
    if why is None:
        assert read_chain_file(path).stores == []
        return
    with pytest.raises(SettingsError) as refused:
        read_chain_file(path)
    assert str(path) in str(refused.value)
    assert why in str(refused.value)


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    text = "stores: [{store_id: ''}, {name: x}]\npolicy: {ttl_default: never}"
    with pytest.raises(SettingsError) as refused:
        read_chain_file(chain_file(tmp_path, text))
    for place in ("stores.0.store_id", "stores.1.store_id", "policy.ttl_default"):
        assert place in str(refused.value)


@pytest.mark.parametrize("missing", ["chain.yaml", "."])
def test_a_file_that_cannot_be_read(tmp_path: Path, missing: str) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        read_chain_file(tmp_path / missing)


def test_a_directory_is_one_services_alone(tmp_path: Path) -> None:
    held = hold_data_dir(tmp_path)
    with pytest.raises(SettingsError, match="is served already"):
        hold_data_dir(tmp_path)
    held.close()
    hold_data_dir(tmp_path).close()


def test_a_start_ends_what_its_own_directory_had_and_nothing_of_a_copys(tmp_path: Path) -> None:
    data_dir, copy, run_dir = tmp_path / "data", tmp_path / "copy", tmp_path / "hf-first"
    data_dir.mkdir()
    run_dir.mkdir()
    take_run_dir(data_dir, run_dir)
    shutil.copytree(data_dir, copy)
    with subprocess.Popen(["sleep", "60"], env={**os.environ, "HOLDFAST_RUN_DIR": str(run_dir)}) as process:  # noqa: S607
        try:
            take_run_dir(copy, tmp_path / "hf-of-the-copy")
            assert process.poll() is None
            assert run_dir.exists()
            take_run_dir(data_dir.rename(tmp_path / "moved"), tmp_path / "hf-second")
            process.wait(10)
            assert not run_dir.exists()
        finally:
            process.kill()


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match="file cannot be made or written: Not a directory; give another --data-dir"):
        hold_data_dir(tmp_path / "file")


def test_postcodes_are_read_before_anything_starts(tmp_path: Path) -> None:
    path = tmp_path / "postcodes.csv"
    path.write_text("postcode,latitude,longitude\n10115,52.53,13.38\n")
    assert read_postcodes_file(path).find("10115") == Place(52.53, 13.38)
    assert len(read_postcodes_file(None)) == 0
    path.write_text("postcode,latitude,longitude\n10115,152.53,13.38\n")
    with pytest.raises(SettingsError, match=r"line 2, latitude: '152[.]53' is not a number of degrees"):
        read_postcodes_file(path)
    for missing in (tmp_path / "nowhere.csv", tmp_path):
        with pytest.raises(SettingsError, match=r"cannot be read: .*; check the path"):
            read_postcodes_file(missing)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"store_actors": -1}, "store_actors: Input should be greater than or equal to 0"),
        ({"store_actors": 1_025}, "store_actors"),
        ({"grpc_port": 65_536}, "grpc_port"),
        ({"gateways": 0}, "gateways"),
        ({"host": "here"}, "host: value is not a valid IPv4 or IPv6 address"),
        ({"host": "192.0.2.7"}, "insecure: Value error, whoever reaches 192.0.2.7 could read and change everything"),
        ({"host": "2001:db8::7"}, "give --insecure if nobody else reaches that address"),
        (
            {"host": "127.0.0.2", "ray_address": "10.0.0.1:6379"},
            "ray_address: Value error, in a Ray cluster gRPC listens on each node's own address, and --host 127.0.0.2",
        ),
        (
            {"ray_address": "10.0.0.1:6379"},
            "ray_address: Value error, in a Ray cluster gRPC listens on each node's own",
        ),
        (
            {"metrics_port": 9100, "ray_address": "10.0.0.1:6379"},
            "ray_address: Value error, in a Ray cluster metrics are on the port that `ray start --metrics-export-port`",
        ),
        ({"log_mb": 0}, "log_mb: Input should be greater than or equal to 1"),
        ({"log_format": "xml"}, "log_format: Input should be 'auto', 'json' or 'text'"),
        ({"log_level": "all"}, "log_level: Input should be 'debug', 'info', 'warning' or 'error'"),
        ({"gateways": "many"}, "gateways: Input should be a valid integer"),
    ],
)
def test_a_setting_that_does_not_hold_is_named(given: dict[str, Any], why: str) -> None:
    with pytest.raises(SettingsError, match="a setting does not hold") as refused:
        read_settings(**given)
    assert why in str(refused.value)


def test_another_address_than_loopback_needs_insecure() -> None:
    for host in ("127.0.0.1", "127.0.0.2", "::1"):
        assert str(read_settings(["--host", host]).host) == host
    assert str(read_settings(["--host", "192.0.2.7", "--insecure"]).host) == "192.0.2.7"


def test_a_port_that_cannot_be_listened_on_is_named_with_the_mend() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=rf"127.0.0.1:{port} cannot be listened on: Address already in use"):
            check_port("127.0.0.1", port)
    check_port("127.0.0.1", port)
    with pytest.raises(
        SettingsError, match=r"\[2001:db8::7\]:9 cannot be listened on: .*; .* another --port or --host"
    ):
        check_port("2001:db8::7", 9)


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLDFAST_STORE_ACTORS", "8")
    monkeypatch.setenv("HOLDFAST_GATEWAYS", "2")
    settings = read_settings(gateways=3)
    assert (settings.store_actors, settings.gateways, settings.postcodes) == (8, 3, None)
    monkeypatch.setenv("HOLDFAST_POSTCODES", "codes.csv")
    assert read_settings().postcodes == Path("codes.csv")
    monkeypatch.setenv("HOLDFAST_STORE_ACTORS", "eight")
    with pytest.raises(SettingsError, match="store_actors"):
        read_settings()


def test_options_go_before_the_environment(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("HOLDFAST_GRPC_PORT", "9000")
    monkeypatch.setenv("HOLDFAST_STORE_ACTORS", "8")
    options = ["--port", "9001", "--data-dir", "here", "--chain-file=chain.yaml", "--customer-actors", "2"]
    found = read_settings(options)
    assert (found.grpc_port, found.data_dir, found.chain_file) == (9001, Path("here"), Path("chain.yaml"))
    assert (found.store_actors, found.customer_actors, found.gateways) == (8, 2, 1)
    assert read_settings([]).grpc_port == 9000
    with pytest.raises(SettingsError, match="grpc_port"):
        read_settings(["--port", "none"])
    with pytest.raises(SystemExit, match="2"):
        read_settings(["--ports", "1"])
    assert "unrecognized arguments: --ports" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="0"):
        read_settings(["--help"])
    said = capsys.readouterr().out
    for name in (
        "data-dir",
        "chain-file",
        "postcodes",
        "host",
        "insecure",
        "port",
        "store-actors",
        "customer-actors",
        "gateways",
    ):
        assert f"--{name} " in said


def test_logs_are_kept_in_the_data_directory_unless_another_folder_is_named(tmp_path: Path) -> None:
    found = read_settings(data_dir=tmp_path).logs
    assert (found.folder, found.form, found.level) == (str(tmp_path / "logs"), "auto", "info")
    assert read_settings(["--log-dir", "here"], data_dir=tmp_path).logs.folder == str(Path("here").resolve())


@pytest.mark.parametrize("is_terminal", [False, True])
def test_a_log_line_is_json_but_for_people(is_terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = io.StringIO()
    monkeypatch.setattr(lines, "isatty", lambda: is_terminal)
    monkeypatch.setattr(sys, "stderr", lines)
    record = logging.makeLogRecord({"name": "holdfast.app", "levelno": logging.INFO, "levelname": "INFO", "shops": 3})
    record.msg, record.args = "serving %s", ("gRPC",)
    log_handler().handle(record)
    if is_terminal:
        assert "serving gRPC" in lines.getvalue()
        return
    found = orjson.loads(lines.getvalue())
    assert found.pop("timestamp")
    assert found == {"level": "info", "logger": "holdfast.app", "message": "serving gRPC", "shops": 3}


# Ctrl-C at the first import that is not signal's own, in a run that ends by itself.
EARLY_SIGNAL: Final = """
import os, runpy, signal, sys

class Struck:
    def find_spec(self, name, path=None, target=None):
        if name == "tempfile":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Struck())
sys.argv = ["serve", "--gateways", "0"]
runpy.run_module("serve", run_name="__main__")
"""


def test_a_signal_waits_from_the_first_import_on() -> None:
    done = subprocess.run([sys.executable, "-c", EARLY_SIGNAL], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr.splitlines()[0]) == (2, "holdfast: a setting does not hold:")


def test_an_archive_is_for_journals_that_seal(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"journal_archive: .*without --journal-keep-mb nothing is sealed"):
        read_settings(journal_archive=tmp_path)
    with pytest.raises(SettingsError, match=r"journal_archive: .*give the whole path"):
        read_settings(journal_keep_mb=100, journal_archive=Path("archive"))
    with pytest.raises(SettingsError, match=r"journal_archive: .*where the journals are"):
        read_settings(journal_keep_mb=100, data_dir=tmp_path, journal_archive=tmp_path / "journal")
    with pytest.raises(SettingsError, match=r"journal_archive: .*is no folder"):
        read_settings(journal_keep_mb=100, journal_archive=Path(__file__))
    with pytest.raises(SettingsError, match=r"journal_sealed_mb: .*without --journal-archive"):
        read_settings(journal_keep_mb=100, journal_sealed_mb=5)

    both = read_settings(["--journal-keep-mb", "5", "--journal-archive", str(tmp_path), "--journal-sealed-mb", "7"])
    assert both.journals.endswith(f"/data/journal?keep_mb=5&sealed_mb=7&away={quote_plus(str(tmp_path.resolve()))}")
    assert read_settings().journals.endswith("/data/journal")


def test_an_empty_variable_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLDFAST_JOURNAL_KEEP_MB", "100")
    monkeypatch.setenv("HOLDFAST_JOURNAL_ARCHIVE", "")
    assert read_settings().journal_archive is None


def test_pages_are_off_unless_a_port_is_given_and_are_read_by_nobody_on_the_way(tmp_path: Path) -> None:
    assert read_settings().pages is None
    assert read_settings(pages_port=0).pages == Listener("127.0.0.1", 0)
    assert read_settings(pages_port=8080, pages_host="192.0.2.7", insecure=True).pages == Listener("192.0.2.7", 8080)
    assert read_settings(public_url="https://shops.example/").public_url == "https://shops.example"
    for wrong, why in (
        ({"pages_port": 0, "pages_host": "192.0.2.7"}, "would be readable on the way to 192.0.2.7; give --tls-cert"),
        ({"pages_port": 0, "ray_address": "10.0.0.1:6379", "insecure": True}, "start `holdfast pages` on any machine"),
        ({"demo_data": True}, r"\(together\): .*give --pages-port too"),
        ({"public_url": "shops.example"}, "public_url: .* is not https://HOST"),
        ({"public_url": "https://shops.example/pages"}, "leave a path out"),
        ({"public_url": "https://shops.example?x"}, "leave a path out"),
        ({"public_url": "https://shops.example@evil.example"}, "leave a path out"),
        ({"public_url": "https://:8443"}, "is not https://HOST"),
    ):
        with pytest.raises(SettingsError, match=why):
            read_settings(**wrong)


def test_a_start_is_refused_by_a_template_that_is_no_utf8(tmp_path: Path) -> None:
    path = tmp_path / "messages.yaml"
    path.write_text(f"templates: {tmp_path}\nrules: []\n")
    assert read_settings(messages_file=path).messages_file == path
    (tmp_path / "de").mkdir()
    (tmp_path / "de" / "ready.txt").write_bytes("läge bereit\n".encode("latin-1"))
    with pytest.raises(SettingsError, match="de, ready: "):
        read_settings(messages_file=path)
