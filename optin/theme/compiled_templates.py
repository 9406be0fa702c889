"""Compiled templates: our own are kept where Python keeps its compiled modules.

Reading one takes a fraction of a millisecond, compiling it up to twenty; a start needs nearly all of them.
Where Python may not write there, each process compiles them for itself. Templates of a site or of an
installed kind are kept in memory alone.
"""

from __future__ import annotations

import secrets
import sys
from contextlib import suppress
from hashlib import sha256
from importlib.util import cache_from_source
from pathlib import Path
from pickle import UnpicklingError
from types import CodeType

import jinja2
from jinja2.bccache import Bucket, BytecodeCache
from jinja2.environment import Environment


class CompiledTemplates(BytecodeCache):
    """Keeps compiled templates of this process, and those of `folder` between processes."""

    def __init__(self, folder: Path) -> None:
        """Begin with what was kept in files."""
        self._folder = folder
        self._code: dict[tuple[str, str], CodeType] = {}
        self._paths: dict[str, Path] = {}  # by the key of a template

    def get_bucket(self, environment: Environment, name: str, filename: str | None, source: str) -> Bucket:
        """Return a template's compiled code, if it is kept."""
        if filename is not None and Path(filename).is_relative_to(self._folder):
            kept = cache_from_source(f"{filename}.py", optimization=_recipe(environment))
            self._paths[self.get_cache_key(name, filename)] = Path(kept)
        return super().get_bucket(environment, name, filename, source)

    def load_bytecode(self, bucket: Bucket) -> None:
        """Fill a bucket with what is kept of the same source by the same Python."""
        bucket.code = self._code.get((bucket.key, bucket.checksum))
        path = self._paths.get(bucket.key)
        if bucket.code is None and path is not None:
            with suppress(OSError, EOFError, ValueError, TypeError, UnpicklingError), path.open("rb") as kept:
                bucket.load_bytecode(kept)
            self._remember(bucket)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep what a bucket holds."""
        self._remember(bucket)
        path = self._paths.get(bucket.key)
        if path is None or sys.dont_write_bytecode:
            return
        draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            draft.write_bytes(bucket.bytecode_to_string())
            draft.replace(path)
        except OSError:  # a read-only installation
            with suppress(OSError):
                draft.unlink(missing_ok=True)

    def _remember(self, bucket: Bucket) -> None:
        if bucket.code is not None:
            self._code[bucket.key, bucket.checksum] = bucket.code


def _recipe(environment: Environment) -> str:
    """Return a name for what changes the code that a template is compiled to."""
    options = (environment.trim_blocks, environment.lstrip_blocks, environment.keep_trailing_newline)
    return sha256(repr((jinja2.__version__, options)).encode()).hexdigest()[:8]
