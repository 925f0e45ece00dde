"""Where the echo is called: known to it and to its callers, who must not import Serve for it."""

from typing import Final

ECHO: Final = "/bench.Peer/Echo"
