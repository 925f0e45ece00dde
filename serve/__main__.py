"""`python -m serve`: puts Serve's switches into the environment, then runs the service in a fresh process."""

import json
import logging
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from serve.config.environment import service_environment
from serve.config.settings import RUN_DIR_PREFIX, Settings, SettingsError, read_settings

_PORTS = "HOLDFAST_SERVICE_PORTS"
_RUN_DIR = "HOLDFAST_RUN_DIR"


def main(
    data_dir: Annotated[Path | None, typer.Option(help="Where the journals live. Made if it is not there.")] = None,
    chain_file: Annotated[Path | None, typer.Option(help="YAML file of stores and policy.")] = None,
    postcodes: Annotated[Path | None, typer.Option(help="CSV file of postcodes with their places.")] = None,
    port: Annotated[int | None, typer.Option(help="Port for gRPC; 0 takes a free one.")] = None,
    store_actors: Annotated[
        int | None, typer.Option(help="Actors that share the shops; 0 gives each shop its own.")
    ] = None,
    customer_actors: Annotated[int | None, typer.Option(help="Actors that share the customers.")] = None,
    gateways: Annotated[int | None, typer.Option(help="Gateway replicas.")] = None,
) -> None:
    """Serve on this machine until Ctrl-C. Options go before HOLDFAST_… of the environment."""
    given = {
        "data_dir": data_dir,
        "chain_file": chain_file,
        "postcodes": postcodes,
        "grpc_port": port,
        "store_actors": store_actors,
        "customer_actors": customer_actors,
        "gateways": gateways,
    }
    try:
        settings = read_settings(**{name: value for name, value in given.items() if value is not None})
    except SettingsError as error:
        sys.stderr.write(f"holdfast: {error}\n")
        raise typer.Exit(2) from error
    if _PORTS not in os.environ:
        _again_with_switches(settings)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    # Only now may ray.serve be imported: it reads its switches at import.
    from serve.app import run

    try:
        run(settings, json.loads(os.environ[_PORTS]), Path(os.environ[_RUN_DIR]))
    except SettingsError as error:
        sys.stderr.write(f"holdfast: {error}\n")
        raise typer.Exit(2) from error
    finally:
        shutil.rmtree(os.environ[_RUN_DIR], ignore_errors=True)


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
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(main)
    app()
