"""A real n8n, fetched by npm with a Node that can run it, for the recipe in docs/guide/automation.md.

It takes 2.4 GB and some minutes, once. It listens on this machine alone, and calls nobody.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2 as httpx

from tests.host.servers import FOLDER, SYSTEMS
from tests.host.wordpress import end_server
from tests.house.requirements_table import ROOT
from tests.ports import reserved_port

RECIPE = ROOT / "docs" / "recipes" / "n8n.json"
HOME = FOLDER / "n8n"
PROGRAM = HOME / "node_modules" / ".bin" / "n8n"
DATABASE_PART = HOME / "node_modules" / "sqlite3" / "build" / "Release" / "node_sqlite3.node"
WANTED = os.environ.get("N8N") != "no"
LEAST_FREE_BYTES = 6 * 1024**3
FETCH_SECONDS, START_SECONDS = 1_200, 180
PACKAGES = {
    "private": True,
    # the second and third are what the first needs, newer than what npm finds for it by itself
    "dependencies": {"n8n": "2.20.0", "@langchain/core": "1.2.18", "@opentelemetry/core": "2.6.1"},
    # its own address for this package is outside the registry
    "overrides": {"xlsx": "0.18.5"},
}


def node_folder() -> Path:
    """Return the folder of the Node that is fetched for it."""
    system = SYSTEMS.get(platform.machine(), platform.machine())
    return HOME / "node" / "node_modules" / f"node-{platform.system().lower()}-{system}"


def fetch() -> str:
    """Fetch and build it, if it is not here; return what is missing, in a sentence, or nothing."""
    if PROGRAM.exists() and DATABASE_PART.exists():
        return ""
    if shutil.which("npm") is None:
        return "The tests need npm, to fetch n8n: install it (apt-get install npm)."
    HOME.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(HOME).free < LEAST_FREE_BYTES:
        return f"n8n needs {LEAST_FREE_BYTES // 1024**3} GB of disk while it is built; make room."
    (HOME / "package.json").write_text(json.dumps(PACKAGES))
    node, path = node_folder(), _environment()
    install = ["npm", "install", "--silent"]
    steps = (
        ([*install, "--no-save", "--prefix", str(HOME / "node"), f"{node.name}@22"], HOME),
        ([*install, "--legacy-peer-deps", "--ignore-scripts"], HOME),
        (["npx", "--yes", "node-gyp", "rebuild", "--release"], HOME / "node_modules" / "sqlite3"),
    )
    for words, folder in steps:
        try:
            subprocess.run(words, cwd=folder, env=path, check=True, stdout=sys.stderr, timeout=FETCH_SECONDS)
        except (subprocess.SubprocessError, OSError) as problem:
            failed = f"{words[0]} {words[1]} ({type(problem).__name__})"
            return f"n8n could not be fetched, see above: {failed}."
    return ""


def _environment() -> dict[str, str]:
    """Return an environment in which programs of npm run by the Node that was fetched."""
    node = node_folder()
    return {**os.environ, "PATH": f"{node / 'bin'}:{os.environ['PATH']}", "npm_config_nodedir": str(node)}


@contextmanager
def n8n(folder: Path, secret: str) -> Iterator[str]:
    """Run it with the recipe, as its guide says; yield the address that takes optin's messages.

    `folder`: for its database. `secret`: what `optin keys webhook` printed.
    """
    with reserved_port() as port, reserved_port() as broker:
        environment = {
            **_environment(),
            "N8N_USER_FOLDER": str(folder),
            "N8N_PORT": str(port),
            "N8N_LISTEN_ADDRESS": "127.0.0.1",
            "N8N_RUNNERS_BROKER_PORT": str(broker),
            "N8N_DIAGNOSTICS_ENABLED": "false",
            "N8N_VERSION_NOTIFICATIONS_ENABLED": "false",
            "N8N_TEMPLATES_ENABLED": "false",
            "NODE_FUNCTION_ALLOW_BUILTIN": "crypto",
            "N8N_BLOCK_ENV_ACCESS_IN_NODE": "false",
            "OPTIN_SECRET": secret,
        }
        workflow = json.loads(RECIPE.read_text("utf-8"))
        workflow["settings"]["saveDataSuccessExecution"] = "all"  # to see how each run ended
        copy = folder / "workflow.json"
        copy.write_text(json.dumps(workflow))
        for words in (["import:workflow", f"--input={copy}"], ["publish:workflow", f"--id={workflow['id']}"]):
            command = [str(PROGRAM), *words]
            subprocess.run(command, env=environment, check=True, stdout=sys.stderr, timeout=START_SECONDS)
        process = subprocess.Popen([str(PROGRAM), "start"], env=environment, stdout=sys.stderr)
        try:
            _wait_until_ready(process, f"http://127.0.0.1:{port}/healthz/readiness")
            yield f"http://127.0.0.1:{port}/webhook/optin"
        finally:
            end_server(process, 60)


def _wait_until_ready(process: subprocess.Popen[bytes], address: str) -> None:
    """Wait until its workflows take messages."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            if httpx.get(address, timeout=5).status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.5)
    msg = "n8n did not start; see above"
    raise AssertionError(msg)


def last_nodes(folder: Path) -> list[str]:
    """Return the node at which each run that is over ended, in the order of their beginnings."""
    with sqlite3.connect(f"file:{folder / '.n8n' / 'database.sqlite'}?mode=ro", uri=True) as database:
        rows = database.execute(
            "SELECT data FROM execution_data JOIN execution_entity ON id = executionId"
            " WHERE stoppedAt IS NOT NULL AND status = 'success' ORDER BY id"
        ).fetchall()
    return [_last_node(json.loads(data)) for (data,) in rows]


def _last_node(packed: list[Any]) -> str:
    """Return the node at which a run ended. n8n stores values once, and where they stand in their place."""
    result = packed[int(packed[0]["resultData"])]
    return str(packed[int(result["lastNodeExecuted"])])
