"""The certificate that callers see. HAProxy speaks TLS with them, and plainly with the gateways of its own machine."""

import logging
import os
import socket
import ssl
from pathlib import Path
from threading import Event
from typing import Final, NamedTuple

LOOK_S: Final = 30.0  # how often the files are looked at
_ANSWER_S: Final = 5.0
_ANSWER_BYTES_MAX: Final = 65_536

log = logging.getLogger("holdfast.app")


class Tls(NamedTuple):
    """PEM files: the certificate with its chain, its key, and, where callers must prove who they are by certificates
    as well, those of the authorities that they are of.
    """

    certificate: Path
    key: Path
    client_ca: Path | None = None

    def bound(self, folder: Path) -> str:
        """What HAProxy's configuration says behind an address. Raises ValueError as `_written` does."""
        callers = f" verify required ca-file {self.client_ca}" if self.client_ca else ""
        return f" ssl crt {self._written(folder)} alpn h2 ssl-min-ver TLSv1.2{callers}"

    def bound_for_pages(self, folder: Path) -> str:
        """The same, for browsers: they prove who they are by tokens."""
        return f" ssl crt {self._written(folder)} alpn http/1.1 ssl-min-ver TLSv1.2"

    def _written(self, folder: Path) -> Path:
        """HAProxy takes certificate and key in one file, in `folder`: as they are now, or, while the two do not belong
        together, as they last did. A HAProxy is started at each change of gateways, and one that would not start is
        missed. Raises ValueError where they never did.
        """
        both = folder / "certificate.pem"
        try:
            self.write(both)
        except (OSError, ValueError) as error:
            if not both.exists():
                raise
            log.warning("callers see the former certificate until this is mended: %s", error)
        return both

    def write(self, both: Path) -> None:
        """Put certificate and key into the one file, whole, if they belong together; else leave it. Raises OSError,
        ValueError.
        """
        added = both.with_suffix(f".{os.getpid()}")
        descriptor = os.open(added, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)  # nobody else ever reads it
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(self._both())
            _check_pair(added, added, f"{self.certificate} is no certificate in PEM with its key in {self.key}")
            added.replace(both)
        finally:
            added.unlink(missing_ok=True)

    def _both(self) -> bytes:
        lines = b"\n".join((self.certificate.read_bytes(), self.key.read_bytes())).splitlines()
        return b"".join(line + b"\n" for line in lines if line.strip())  # an empty one would end it for HAProxy


class Renewal:
    """Has the HAProxy of a run directory, which has a folder of its node's there with its socket for operators, take a
    certificate that was renewed. One that starts takes the files as they are then.
    """

    def __init__(self, tls: Tls, run_dir: Path) -> None:
        self._tls = tls
        self._run_dir = run_dir
        self._taken = self._stamps()

    def watch(self, asked: Event) -> None:
        """Look at the files until `asked` is set."""
        while not asked.wait(LOOK_S):
            try:
                if self.look():
                    log.info("callers see the certificate %s as it is now", self._tls.certificate)
            except (OSError, ValueError) as error:
                log.warning("callers see the former certificate until this is mended: %s", error)

    def look(self) -> bool:
        """Whether the files were others than before, and callers see them from here on. Raises OSError, ValueError."""
        found = self._stamps()
        if found == self._taken:
            return False
        sockets = list(self._run_dir.glob("*/admin.sock"))
        if not sockets:
            raise ValueError(f"no HAProxy is up below {self._run_dir}")
        for each in sockets:
            name = each.with_name("certificate.pem")
            self._tls.write(name)
            command = f"set ssl cert {name} <<\n".encode() + name.read_bytes() + b"\n"
            _say(each, command, b"Transaction created")
            _say(each, f"commit ssl cert {name}\n".encode(), b"Success!")
        self._taken = found
        return True

    def _stamps(self) -> tuple[int, ...]:
        return tuple(path.stat().st_mtime_ns for path in (self._tls.certificate, self._tls.key))


def _say(admin: Path, command: bytes, expected: bytes) -> None:
    said = b""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(_ANSWER_S)
        connection.connect(str(admin))
        connection.sendall(command)
        while (more := connection.recv(4_096)) and len(said) < _ANSWER_BYTES_MAX:
            said += more
    if expected not in said:
        raise ValueError(f"HAProxy did not take it: {said.decode(errors='replace').strip()}")


def check_certificate(certificate: Path, key: Path) -> None:
    """Raise ValueError where nothing could be served with the two, with what is wrong and the mend."""
    _check_readable(certificate)
    _check_readable(key)
    _check_pair(certificate, key, f"{certificate} is no certificate in PEM with its key in {key}")


def _check_pair(certificate: Path, key: Path, what: str) -> None:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=_no_password)
    except (ssl.SSLError, OSError) as error:
        raise ValueError(f"{what}: {error}; give the two that belong together") from error


def check_authorities(client_ca: Path) -> None:
    """Raise ValueError where the file has no certificates."""
    _check_readable(client_ca)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_verify_locations(client_ca)
    except (ssl.SSLError, OSError) as error:
        raise ValueError(f"{client_ca} has no certificates in PEM: {error}; give the authority's") from error


def _check_readable(path: Path) -> None:
    if not os.access(path, os.R_OK) or not path.is_file():
        raise ValueError(f"{path} cannot be read; check the path, and who may read it")


def _no_password() -> str:
    raise ValueError("the key has a password, and nobody is there to type it; give one without")
