"""`eval "$(holdfast node)"`: what must be in the environment of `ray start` on each node of a cluster.

Ray and Serve read their switches when they are imported, in processes that `ray start` starts, so a service that joins
a running cluster cannot set them.
"""

import argparse
import os
import shlex
import stat
import sys
from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit
from zlib import crc32

from actors.ray_nodes import node_address
from serve.config.data_dir import RUN_DIR_PREFIX
from serve.config.environment import node_environment
from serve.config.tls import Tls, check_authorities, check_certificate

FAILED: Final = 1


def main(arguments: Sequence[str]) -> int:
    """Print the lines for a shell. The exit code is 1 where there are none, with why on stderr; 2 for wrong usage."""
    parser = argparse.ArgumentParser(prog="holdfast node", description=__doc__)
    parser.add_argument(
        "--host",
        type=lambda given: str(ip_address(given)),
        help="The node's address, as `ray start --node-ip-address` has it; left out, the one that Ray finds.",
    )
    parser.add_argument(
        "--metrics", action="store_true", help="Collect metrics, for `ray start --metrics-export-port`."
    )
    parser.add_argument(
        "--head-redis",
        type=_redis_address,
        metavar="HOST:PORT",
        help="For `ray start --head`: a Redis in which Ray keeps what a head has to know that is started again.",
    )
    for option, what in (
        ("--tls-cert", "PEM file of the node's certificate with its chain; callers speak TLS then."),
        ("--tls-key", "PEM file of its key."),
        ("--tls-client-ca", "PEM file of the authorities of callers' certificates; others are not let in."),
    ):
        parser.add_argument(option, type=Path, help=what)
    given = parser.parse_args(arguments)
    host = given.host or node_address()
    try:
        tls = _tls(given.tls_cert, given.tls_key, given.tls_client_ca)
        folder, head_redis = run_dir_of(host), given.head_redis
        environment = node_environment(folder, host, metrics=given.metrics, tls=tls, head_redis=head_redis)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"holdfast: {error}\n")
        return FAILED
    for name, value in environment.items():
        sys.stdout.write(f"export {name}={shlex.quote(value)}\n")
    return 0


def _redis_address(given: str) -> str:
    """As Ray takes it, which says nothing of what it does not understand. Raises ArgumentTypeError."""
    address = urlsplit(given if "://" in given else f"redis://{given}")
    host, _, port = address.netloc.rpartition(":")
    is_plain = host and "@" not in host and port.isdecimal() and not (address.path or address.query)
    if address.scheme not in ("redis", "rediss") or not is_plain:
        raise argparse.ArgumentTypeError(
            "it is HOST:PORT, or rediss://HOST:PORT; users and passwords are for `ray start`"
        )
    return given


def _tls(certificate: Path | None, key: Path | None, client_ca: Path | None) -> Tls | None:
    """What callers' connections are encrypted with, None where they are not. Raises ValueError."""
    if certificate is None or key is None:
        if certificate or key or client_ca:
            raise ValueError("without both --tls-cert and --tls-key nothing is encrypted; give both")
        return None
    check_certificate(certificate, key)
    if client_ca is not None:
        check_authorities(client_ca)
    return Tls(certificate.resolve(), key.resolve(), client_ca and client_ca.resolve())


def run_dir_of(host: str, parent: Path = Path("/tmp")) -> Path:  # noqa: S108  # it is checked whose it is
    """The folder for sockets and configuration of the node with that address: the same at each start, and this user's
    alone. Raises OSError where somebody else has made it, or may have written there.
    """
    folder = parent / f"{RUN_DIR_PREFIX}node-{crc32(host.encode()):08x}"
    folder.mkdir(mode=0o700, exist_ok=True)
    made = folder.lstat()
    if not stat.S_ISDIR(made.st_mode) or made.st_uid != os.getuid() or made.st_mode & 0o022:
        raise OSError(f"{folder} is another user's, or others may write there; remove it")
    folder.chmod(0o700)  # HAProxy's first files make it as others may read it, where it was removed under a running Ray
    return folder


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
