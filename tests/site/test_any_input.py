"""Whatever is in the files: findings or a site, never a traceback."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from optin.site.load_site import load_site
from optin.site.scaffold import make_site
from tests.installed import KINDS

YAML_LIKE = st.lists(
    st.tuples(
        st.sampled_from(["kind", "lang", "title", "purposes", "fields", "file", "texts", "x", "picture"]),
        st.sampled_from(
            [
                "newsletter",
                "nl",
                "[]",
                "{}",
                "[[[",
                "a: b",
                "!!python/object:os.system",
                "&a *a",
                "|",
                "2026-01-01",
                "[{id: 1}]",
                "[tips-email]",
                "~",
                "'",
                '"',
                "1e999",
                "0x",
                "? - x",
                "<<: *a",
                "\u2028",
            ]
        )
        | st.text(max_size=30),
    ),
    max_size=8,
).map(lambda pairs: "\n".join(f"{key}: {value}" for key, value in pairs))


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(front=YAML_LIKE | st.text(max_size=200), body=st.text(max_size=300))
def test_any_front_matter_is_a_page_or_a_finding(front: str, body: str) -> None:
    """M4, S5: bad input never tracebacks."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "site"
        make_site(root)
        data = f"---\n{front}\n---\n{body}".encode("utf-8", "surrogatepass")
        (root / "magnets" / "any.md").write_bytes(data)
        loaded = load_site(root, KINDS.files)
        assert loaded.site is not None
        broken = {f.slug for f in loaded.findings if f.severity == "error"}
        assert ("any" in loaded.site.magnets) != ("any" in broken)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(data=st.binary(max_size=400) | st.text(max_size=400).map(lambda text: text.encode("utf-8", "replace")))
def test_any_site_file_is_a_site_or_a_finding(data: bytes) -> None:
    """M4, S5: the same for optin.toml."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "site"
        make_site(root)
        (root / "optin.toml").write_bytes(data)
        loaded = load_site(root, KINDS.files)
        assert loaded.site is None
        assert loaded.findings


def test_a_file_that_is_a_folder_or_huge_is_a_finding(tmp_path: Path) -> None:
    """M4: folders named like files, files of many megabytes, bombs of nesting."""
    root = tmp_path / "site"
    make_site(root)
    (root / "magnets" / "folder.md").mkdir()
    (root / "magnets" / "huge.md").write_bytes(b"---\n" + b"x" * 2_000_000)
    (root / "magnets" / "deep.md").write_text("---\na: " + "[" * 20_000 + "\n---\n", "utf-8")
    (root / "magnets" / "nul.md").write_bytes(b"---\nkind: a\x00\n---\n")
    (root / "magnets" / "open.md").write_bytes(b"---\nkind: a\n")
    loaded = load_site(root, KINDS.files)
    assert {f.slug for f in loaded.findings if f.severity == "error"} == {
        "folder",
        "huge",
        "deep",
        "nul",
        "open",
    }
