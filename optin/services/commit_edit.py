"""Commit an edited file to git, with whoever edited it as the author, where the site is a repository.

Nothing else is committed: what somebody has staged stays staged. A site without git, or a git that refuses,
keeps no edit from being saved.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

MOST_SECONDS = 20
_OF_ANOTHER = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR")


class CommitResult(StrEnum):
    """What became of a commit."""

    COMMITTED = "committed"
    NO_REPOSITORY = "no-repository"  # or no git, or the file is ignored
    REFUSED = "refused"  # by git, or a hook of the repository


@dataclass(frozen=True)
class Author:
    """Who edited a file, as git names people."""

    name: str
    email: str


def commit_files(root: Path, paths: Sequence[Path], author: Author, subject: str) -> CommitResult:
    """Commit these files of the site at `root`, new, changed or gone, and no others."""
    program = shutil.which("git")
    if program is None or not paths:
        return CommitResult.NO_REPOSITORY
    names = [str(it.relative_to(root)) for it in paths]

    def git(*words: str) -> bool:
        command = [program, "-C", str(root), "-c", "commit.gpgsign=false", *words]
        try:
            done = subprocess.run(  # noqa: S603 - git, with words of ours and names of files after --
                command, env=_surroundings(author), capture_output=True, timeout=MOST_SECONDS, check=False
            )
        except (OSError, subprocess.SubprocessError):
            return False
        return done.returncode == 0

    if not git("rev-parse", "--is-inside-work-tree"):
        return CommitResult.NO_REPOSITORY
    there = [name for name, path in zip(names, paths, strict=True) if path.exists()]
    if there and git("check-ignore", "--quiet", "--", *there):
        return CommitResult.NO_REPOSITORY
    if there and not git("add", "--intent-to-add", "--", *there):
        return CommitResult.REFUSED
    known = [it for it in names if it in there or git("ls-files", "--error-unmatch", "--", it)]
    done = git("commit", "--quiet", "--only", f"--message={subject}", "--", *known)
    return CommitResult.COMMITTED if done else CommitResult.REFUSED


def _surroundings(author: Author) -> dict[str, str]:
    """Return the environment of git: it asks nobody anything."""
    name, email = (_clean(it) for it in (author.name, author.email))
    kept = {key: value for key, value in os.environ.items() if key not in _OF_ANOTHER}
    return {
        **kept,
        "GIT_AUTHOR_NAME": name,
        "GIT_AUTHOR_EMAIL": email,
        "GIT_COMMITTER_NAME": name,
        "GIT_COMMITTER_EMAIL": email,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_EDITOR": "true",
        "GIT_OPTIONAL_LOCKS": "0",
    }


def _clean(text: str) -> str:
    return " ".join("".join(it for it in text if it not in "<>" and it.isprintable()).split()) or "optin"
