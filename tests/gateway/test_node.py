"""What a node of a cluster has in its environment, and where its sockets are."""

import os
import shlex
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from actors.telemetry.metrics import COLLECTION_VARIABLE
from serve.config.environment import (
    HASH_SEED_VARIABLE,
    HEAD_STATE_NAME,
    HEALTH_CHECKS,
    RUN_DIR_CHARS_MAX,
    SWITCHES,
    TOKEN,
    joining_environment,
    kept_hash_seed,
    service_environment,
)
from serve.config.haproxy import BINARY_VARIABLE, GATEWAY_HOST_VARIABLE
from serve.node import main, run_dir_of

HOST = "127.94.7.1"


def exported(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, str]:
    """What a shell has after `eval`."""
    assert main(["--host", HOST, *arguments]) == 0
    words = shlex.split(capsys.readouterr().out)
    assert words[::2] == ["export"] * (len(words) // 2)
    return dict(word.split("=", 1) for word in words[1::2])


def test_a_node_has_the_switches_of_a_service_and_the_health_checks(capsys: pytest.CaptureFixture[str]) -> None:
    environment = exported(capsys)
    assert environment.items() >= {**SWITCHES, **HEALTH_CHECKS, **TOKEN, GATEWAY_HOST_VARIABLE: HOST}.items()
    assert os.access(environment[BINARY_VARIABLE], os.X_OK)
    assert exported(capsys) == environment, "the same at each start"
    assert exported(capsys, "--metrics")[COLLECTION_VARIABLE] == "1"
    assert 0 < int(environment[HASH_SEED_VARIABLE]) < 2**32
    assert (run_dir_of(HOST) / "hash_seed").stat().st_mode & 0o777 == 0o600


def test_a_service_has_the_hash_of_its_data_after_a_restart(tmp_path: Path) -> None:
    def seed_at_start(of: str) -> str:
        with TemporaryDirectory(prefix="hf-", dir="/tmp") as run_dir:  # short, as sockets need it
            environment, _, guard = service_environment(Path(run_dir), 0, data_dir=tmp_path / of)
        guard.close()
        return environment[HASH_SEED_VARIABLE]

    seed = seed_at_start("data")
    assert seed_at_start("data") == seed == (tmp_path / "data/hash_seed").read_text()
    assert seed_at_start("other") != seed, "and nobody else has it"
    assert (tmp_path / "data/hash_seed").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("damaged", ["", "0", "-1", str(2**32), "7x"])
def test_a_hash_that_python_would_not_take_is_drawn_anew(tmp_path: Path, damaged: str) -> None:
    (tmp_path / "hash_seed").write_text(damaged)
    seed = kept_hash_seed(tmp_path)
    assert 0 < int(seed) < 2**32
    assert kept_hash_seed(tmp_path) == seed


def test_a_hash_that_cannot_be_kept_serves_this_time(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert 0 < int(kept_hash_seed(tmp_path / "file")) < 2**32


@pytest.mark.parametrize("address", ["192.0.2.20:6379", "rediss://redis.example.com:6380"])
def test_a_head_may_keep_its_state_in_a_redis(capsys: pytest.CaptureFixture[str], address: str) -> None:
    environment, other = exported(capsys, "--head-redis", address), exported(capsys)
    assert environment.items() - other.items() == {("RAY_REDIS_ADDRESS", address), *HEAD_STATE_NAME.items()}


@pytest.mark.parametrize("address", ["192.0.2.20", "redis://:secret@h:6379", "h:6379/1", "http://h:6379", "h:x"])
def test_where_a_head_cannot_keep_its_state_is_refused(capsys: pytest.CaptureFixture[str], address: str) -> None:
    with pytest.raises(SystemExit) as refused:
        main(["--host", HOST, "--head-redis", address])
    assert refused.value.code == 2
    assert "--head-redis" in capsys.readouterr().err


def test_the_service_knows_the_ports_of_its_nodes(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    node, (joining, ports) = exported(capsys), joining_environment(tmp_path, 0)
    assert {name: joining[name] for name in node if "_PORT" in name} == {
        name: value for name, value in node.items() if "_PORT" in name
    }
    taken = {int(value) for name, value in node.items() if name.endswith("_PORT") and "DIRECT" not in name}
    assert len({*taken, *ports.values()}) == len(taken) + len(ports)
    assert min(taken) >= int(node["RAY_SERVE_DIRECT_INGRESS_MAX_GRPC_PORT"])
    assert joining_environment(tmp_path, 9_000)[1]["grpc"] == 9_000


def test_a_nodes_folder_is_its_own_users(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = run_dir_of(HOST, tmp_path)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert run_dir_of(HOST, tmp_path) == folder
    assert run_dir_of("2001:db8::1", tmp_path) != folder
    assert len("/tmp/") + len(folder.name) <= RUN_DIR_CHARS_MAX  # noqa: S108
    folder.chmod(0o755)
    assert run_dir_of(HOST, tmp_path).stat().st_mode & 0o777 == 0o700
    folder.chmod(0o770)
    with pytest.raises(OSError, match="is another user's, or others may write there"):
        run_dir_of(HOST, tmp_path)
    folder.rmdir()
    folder.symlink_to(tmp_path)
    with pytest.raises(OSError, match="is another user's"):
        run_dir_of(HOST, tmp_path)
    with pytest.raises(SystemExit):
        main(["--host", "here"])
    assert "invalid" in capsys.readouterr().err
