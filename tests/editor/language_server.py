"""A client of a YAML language server (Language Server Protocol over its standard input and output)."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import IO, Any


class LanguageServer:
    """One server, told which schema to hold our files against."""

    def __init__(self, command: list[str], schema: Path) -> None:
        """Start it."""
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._settings = {
            "yaml": {"schemas": {schema.as_uri(): "*.yaml"}, "schemaStore": {"enable": False}},
            "http": {},
        }
        self._last = 0
        self.ask("initialize", {"processId": None, "rootUri": None, "capabilities": {}})
        self.tell("initialized", {})
        self.tell("workspace/didChangeConfiguration", {"settings": self._settings})

    def diagnostics(self, uri: str, text: str) -> list[str]:
        """Open a file; return what the server finds wrong with it."""
        self.tell(
            "textDocument/didOpen",
            {"textDocument": {"uri": uri, "languageId": "yaml", "version": 1, "text": text}},
        )
        while True:
            said = self._read()
            if said.get("method") == "textDocument/publishDiagnostics" and said["params"]["uri"] == uri:
                return [it["message"] for it in said["params"]["diagnostics"]]

    def completions(self, uri: str, line: int, character: int) -> dict[str, str]:
        """Return what the server offers at a place, each with what it says about it."""
        place = {"textDocument": {"uri": uri}, "position": {"line": line, "character": character}}
        answer = self.ask("textDocument/completion", place)
        return {it["label"]: json.dumps(it.get("documentation", "")) for it in answer["items"]}

    def hover(self, uri: str, line: int, character: int) -> str:
        """Return what the server says about the word at a place."""
        place = {"textDocument": {"uri": uri}, "position": {"line": line, "character": character}}
        return json.dumps(self.ask("textDocument/hover", place))

    def ask(self, method: str, parameters: Any) -> Any:
        """Send a request; return its result."""
        self._last += 1
        self._write({"id": self._last, "method": method, "params": parameters})
        while True:
            said = self._read()
            if said.get("id") == self._last and "method" not in said:
                assert "error" not in said, said
                return said["result"]

    def tell(self, method: str, parameters: Any) -> None:
        """Send a notification."""
        self._write({"method": method, "params": parameters})

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()

    def _read(self) -> dict[str, Any]:
        output = self._stream(self._process.stdout)
        length = 0
        while (line := output.readline()) != b"\r\n":
            assert line, "the server has ended"
            if line.lower().startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        said: dict[str, Any] = json.loads(output.read(length))
        if "method" in said and "id" in said:  # it asks us: for settings, or to register what it can do
            wanted = said["params"].get("items", []) if said["method"] == "workspace/configuration" else []
            self._write(
                {"id": said["id"], "result": [self._settings.get(it["section"], {}) for it in wanted]}
            )
        return said

    def _write(self, message: dict[str, Any]) -> None:
        data = json.dumps({"jsonrpc": "2.0", **message}).encode()
        stream = self._stream(self._process.stdin)
        stream.write(b"Content-Length: %d\r\n\r\n%s" % (len(data), data))
        stream.flush()

    @staticmethod
    def _stream(pipe: IO[bytes] | None) -> IO[bytes]:
        assert pipe is not None
        return pipe
