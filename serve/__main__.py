"""`python -m serve`: puts Serve's switches into the environment, then runs the service in a fresh process."""

import signal

if __name__ == "__main__":
    # Before the imports, which take their time: a signal waits, over the exec too, until somebody ends the run whole.
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from serve.config.settings import Settings

_PORTS = "HOLDFAST_SERVICE_PORTS"
_RUN_DIR = "HOLDFAST_RUN_DIR"
_RAY_LOG = "ray.log"


def main() -> None:
    """Serve on this machine until SIGTERM or Ctrl-C. Exits with 2 where a setting does not hold."""
    from serve.config.settings import SettingsError, read_settings

    try:
        settings = read_settings(sys.argv[1:])
        if _PORTS not in os.environ:
            _again_with_switches(settings)
        _run(settings)
    except SettingsError as error:
        sys.stderr.write(f"holdfast: {error}\n")
        sys.exit(2)


def _again_with_switches(settings: "Settings") -> None:
    """Replace this process by itself under the environment that Serve needs."""
    from serve.config.data_dir import RUN_DIR_PREFIX
    from serve.config.environment import joining_environment, service_environment

    run_dir = Path(tempfile.mkdtemp(prefix=RUN_DIR_PREFIX, dir="/tmp"))  # private, and short as sockets need it
    if settings.ray_address:
        environment, ports = joining_environment(run_dir, settings.grpc_port)
    else:
        environment, ports, guard = service_environment(
            run_dir,
            settings.grpc_port,
            str(settings.host),
            metrics=settings.metrics_port,
            tls=settings.tls,
            pages=settings.pages,
            data_dir=settings.data_dir.resolve(),
        )
        guard.set_inheritable(True)
    os.environ.update(environment | settings.logs.environment | settings.notices)
    os.environ[_PORTS] = json.dumps(ports)
    os.environ[_RUN_DIR] = str(run_dir)
    os.execv(sys.executable, [sys.executable, "-m", "serve", *sys.argv[1:]])  # noqa: S606  # ourselves


def _run(settings: "Settings") -> None:
    from serve.config.data_dir import hold_data_dir, take_run_dir
    from serve.config.environment import check_port
    from serve.config.logs import configure_logging, keep_apart, keep_file
    from serve.config.processes import StopSignals
    from serve.config.settings import SettingsError

    run_dir = Path(os.environ[_RUN_DIR])
    configure_logging(settings.logs)
    signals = StopSignals(run_dir)
    try:
        with hold_data_dir(settings.data_dir.resolve()):
            take_run_dir(settings.data_dir.resolve(), run_dir)
            check_port(str(settings.host), settings.grpc_port)
            check_port("127.0.0.1", settings.metrics_port, "--metrics-port")
            if settings.pages is not None:
                check_port(*settings.pages, "--pages-port or --pages-host")
            try:
                keep_file(settings.logs)
            except OSError as error:
                message = f"{settings.logs.folder} cannot be written: {error.strerror}; give another --log-dir"
                raise SettingsError(message) from error
            # Only now may ray.serve be imported: it reads its switches at import. And it takes a second.
            from serve.app import run

            keep_apart(run_dir / _RAY_LOG)
            run(settings, json.loads(os.environ[_PORTS]), signals)
    finally:
        shutil.rmtree(run_dir, ignore_errors=True)


if __name__ == "__main__":
    main()
