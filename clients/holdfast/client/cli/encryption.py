"""The files by which a command talks TLS to the service."""

from pathlib import Path
from typing import Annotated

import grpc
import typer

SYSTEM = "system"

CaOption = Annotated[
    str | None,
    typer.Option(
        "--ca",
        envvar="HOLDFAST_CA",
        help="PEM file of the authorities of the service's certificate, or `system`: talk TLS. Without it, plain text.",
        metavar="FILE|system",
    ),
]
CertOption = Annotated[
    Path | None,
    typer.Option(
        "--cert", envvar="HOLDFAST_CERT", help="PEM file of the certificate that proves who calls.", metavar="FILE"
    ),
]
CertKeyOption = Annotated[
    Path | None, typer.Option("--cert-key", envvar="HOLDFAST_CERT_KEY", help="PEM file of its key.", metavar="FILE")
]


def credentials_of(ca: str | None, cert: Path | None, cert_key: Path | None) -> grpc.ChannelCredentials | None:
    """What a connection is encrypted with, None for plain text. Raises typer.BadParameter."""
    if (cert is None) != (cert_key is None):
        raise typer.BadParameter("--cert and --cert-key go together; give both, or neither.")
    if ca is None:
        if cert is not None:
            raise typer.BadParameter("--cert needs --ca: the service's authorities, or `system`.")
        return None
    roots = None if ca == SYSTEM else _read("--ca", Path(ca))
    if cert is None or cert_key is None:
        return grpc.ssl_channel_credentials(roots)
    return grpc.ssl_channel_credentials(roots, _read("--cert-key", cert_key), _read("--cert", cert))


def _read(option: str, path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise typer.BadParameter(f"{path} cannot be read: {error.strerror}.", param_hint=option) from error
    if b"-----BEGIN " not in content:
        raise typer.BadParameter(f"{path} is no file in PEM.", param_hint=option)
    return content
