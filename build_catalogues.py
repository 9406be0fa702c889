"""Compile the catalogues for the wheel (a build hook of hatchling)."""

import os
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CompiledCatalogues(BuildHookInterface):
    """Put each compiled catalogue into the wheel."""

    def initialize(self, _version: str, build_data: dict[str, Any]) -> None:
        """Compile what translators wrote."""
        sys.path.insert(0, self.root)
        from optin.theme.catalogue import compile_catalogue  # noqa: PLC0415 - found in the source tree only

        for source in Path(self.root).glob("optin/locale/*/LC_MESSAGES/**/*.po"):
            compiled = source.with_suffix(".mo")
            unfinished = compiled.with_suffix(f".{os.getpid()}.mo")  # an ignored name: no build takes it
            unfinished.write_bytes(compile_catalogue(source))
            unfinished.replace(compiled)  # at once: another build may be reading it
            build_data["artifacts"].append(compiled.relative_to(self.root).as_posix())
