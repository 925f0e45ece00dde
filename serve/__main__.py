"""`python -m serve`: puts Serve's switches into the environment, then runs the service in a fresh process."""

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

from serve.config.environment import service_environment
from serve.config.logs import configure_logging
from serve.config.settings import RUN_DIR_PREFIX, Settings, SettingsError, read_settings

_PORTS = "HOLDFAST_SERVICE_PORTS"
_RUN_DIR = "HOLDFAST_RUN_DIR"


def main() -> None:
    """Serve on this machine until SIGTERM or Ctrl-C. Exits with 2 where a setting does not hold."""
    try:
        settings = read_settings(sys.argv[1:])
    except SettingsError as error:
        sys.exit(_say(error))
    if _PORTS not in os.environ:
        _again_with_switches(settings)
    configure_logging()
    # Only now may ray.serve be imported: it reads its switches at import.
    from serve.app import run

    try:
        run(settings, json.loads(os.environ[_PORTS]), Path(os.environ[_RUN_DIR]))
    except SettingsError as error:
        sys.exit(_say(error))
    finally:
        shutil.rmtree(os.environ[_RUN_DIR], ignore_errors=True)


def _say(error: SettingsError) -> int:
    sys.stderr.write(f"holdfast: {error}\n")
    return 2


def _again_with_switches(settings: Settings) -> None:
    """Replace this process by itself under the environment that Serve needs."""
    run_dir = Path(tempfile.mkdtemp(prefix=RUN_DIR_PREFIX, dir="/tmp"))  # private, and short as sockets need it
    environment, ports, guard = service_environment(run_dir, settings.grpc_port)
    guard.set_inheritable(True)
    os.environ.update(environment)
    os.environ[_PORTS] = json.dumps(ports)
    os.environ[_RUN_DIR] = str(run_dir)
    os.execv(sys.executable, [sys.executable, "-m", "serve", *sys.argv[1:]])  # noqa: S606  # ourselves


if __name__ == "__main__":
    main()
