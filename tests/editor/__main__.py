"""Asks a YAML language server what it makes of our schemas: `python -m tests.editor COMMAND…` (make editor).

Every sound front matter is sound to it, every mistake of tests/site/test_json_schemas.py is marked, and it
offers and explains what the site has.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from optin.site.json_schemas import magnet_schema
from optin.site.load_site import load_site
from optin.site.scaffold import make_magnet, make_site
from tests.editor.language_server import LanguageServer
from tests.installed import KINDS
from tests.site.test_json_schemas import SOUND, WRONG


def main(command: list[str]) -> None:
    """Run every look; the first that fails ends with a traceback."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "site"
        make_site(root)
        site = load_site(root, KINDS.files).site
        assert site is not None
        schema = Path(folder) / "magnet.schema.json"
        schema.write_text(json.dumps(magnet_schema(KINDS.files, site)), "utf-8")
        server = LanguageServer([*command, "--stdio"], schema)
        try:
            sound = [make_magnet(site, KINDS.files, it, f"my-{it}", "nl")[0] for it in KINDS.files.names()]
            look(server, Path(folder).as_uri(), sound)
        finally:
            server.close()


def look(server: LanguageServer, folder: str, sound: list[Path]) -> None:
    """Hold what is sound and what is wrong against the schema, and see what is offered."""
    for path in sound:
        text = path.read_text("utf-8").split("---\n")[1]
        found = server.diagnostics(f"{folder}/{path.parent.name}-{path.stem}.yaml", text)
        assert found == [], (path, found)
    for number, (name, change) in enumerate(WRONG.items()):
        value = {key: it for key, it in {**SOUND, **change}.items() if it is not None}
        text = "\n".join(f"{key}: {json.dumps(it)}" for key, it in value.items())
        found = server.diagnostics(f"{folder}/wrong-{number}.yaml", text)
        assert found, name
        print(f"{name}: {found[0].splitlines()[0]}")
    uri = f"{folder}/offered.yaml"
    server.diagnostics(uri, "kind: \nlang: \npurposes: [tips-email]\ntexts:\n  \n\n")
    assert set(KINDS.files.names()) <= set(server.completions(uri, 0, 6))
    assert {"nl", "en"} <= set(server.completions(uri, 1, 6))
    assert "form.jump" in server.completions(uri, 4, 2)
    assert "Ids of purposes of optin.toml" in server.hover(uri, 2, 3)
    begun = f"{folder}/begun.yaml"
    server.diagnostics(begun, "kind: checklist\n\n")
    assert {"title", "description", "fields", "picture"} <= set(server.completions(begun, 1, 0))
    print(f"sound: {len(sound)}, marked: {len(WRONG)}; kinds, languages, keys and texts are offered")


if __name__ == "__main__":
    main(sys.argv[1:])
