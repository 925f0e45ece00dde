"""Rules for texts: sections that must be there, links that must lead somewhere. Each rule takes a text."""

import re
from pathlib import Path
from typing import Final

# `[text](target)`, but not an image's or a code block's.
LINK: Final = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")
FENCE: Final = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
ENTRY: Final = re.compile(r"^### `([A-Z_]+)`\n(.*?)(?=^#|\Z)", re.DOTALL | re.MULTILINE)
OUTSIDE: Final = ("http://", "https://", "mailto:", "#")


def entries(text: str) -> dict[str, str]:
    """The entries of docs/errors.md: what follows each heading that is a name in capitals."""
    return {match[1]: match[2] for match in ENTRY.finditer(text)}


def entry_names(text: str) -> list[str]:
    """The names of the entries in sequence, doubles included."""
    return [match[1] for match in ENTRY.finditer(text)]


def incomplete_entries(text: str) -> list[str]:
    """Entries that lack a cause or a mend."""
    return [name for name, body in entries(text).items() if "**Cause.**" not in body or "**Mend.**" not in body]


def dangling_links(text: str, folder: Path) -> list[str]:
    """Relative links that lead nowhere from this folder."""
    targets = [target for target in LINK.findall(FENCE.sub("", text)) if not target.startswith(OUTSIDE)]
    return [target for target in targets if not (folder / target.partition("#")[0]).exists()]


def unlisted(index: str, names: list[str]) -> list[str]:
    """Names of files that an index does not link to."""
    listed = LINK.findall(FENCE.sub("", index))
    return [name for name in names if name not in listed]
