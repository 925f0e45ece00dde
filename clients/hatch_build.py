"""Puts `holdfast.v1` into what is built of the client. In the repository it stands under proto/, beside this folder."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SUFFIXES = (".proto", ".py", ".pyi", ".typed")


class CustomBuildHook(BuildHookInterface):
    """Adds the messages to a wheel and to an sdist; an sdist that is unpacked has them in place."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Name the files, but for an editable install: a copy would go stale, and it finds them where they stand."""
        folder = Path(self.root).parent / "proto" / "holdfast" / "v1"
        if version != "editable" and not (Path(self.root) / "holdfast" / "v1").exists():
            if not folder.is_dir():
                raise FileNotFoundError(f"{folder} is absent: build in the whole repository, or from an sdist of it")
            for file in sorted(folder.iterdir()):
                if file.suffix in SUFFIXES:
                    build_data["force_include"][str(file)] = f"holdfast/v1/{file.name}"
