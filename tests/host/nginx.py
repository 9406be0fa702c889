"""A real nginx before the server, which passes on each byte of a form as it comes."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.host.servers import FOLDER
from tests.ports import reserved_port

UNPACKED = FOLDER / "nginx"
SETTINGS = """
daemon off;
pid {folder}/nginx.pid;
error_log stderr;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  upstream optin {{ server 127.0.0.1:{server}; keepalive 32; keepalive_timeout {idle}s; }}
  server {{
    listen 127.0.0.1:{port} backlog=1024;
    location / {{
      proxy_pass http://optin;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_request_buffering off;
    }}
  }}
}}
"""


def program() -> str | None:
    """Return the program: that of this machine, else the one that was fetched."""
    here = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/opt/homebrew/bin")
    fetched = UNPACKED / "usr" / "sbin" / "nginx"
    return here or (str(fetched) if fetched.exists() else None)


def fetch() -> str:
    """Fetch Debian's package, without installing it: that would start a server. Return what is missing."""
    UNPACKED.parent.mkdir(parents=True, exist_ok=True)
    if program() is None and shutil.which("apt-get") and shutil.which("dpkg"):
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(["apt-get", "download", "-q", "nginx"], cwd=folder, check=False, stdout=sys.stderr)
            for package in Path(folder).glob("nginx_*.deb"):
                subprocess.run(["dpkg", "-x", str(package), str(UNPACKED)], check=True)
    return "" if program() else "The tests need nginx: install it (apt-get install nginx), and try again."


@contextmanager
def nginx(server: int, idle_seconds: int) -> Iterator[int]:
    """Run it before `server`; yield its port. It closes connections that are idle for so long."""
    found = program()
    assert found is not None, "nginx is not here; make test-host fetches it"
    with tempfile.TemporaryDirectory(prefix="optin-nginx-") as name, reserved_port() as port:
        folder = Path(name)
        folder.chmod(0o755)  # its workers are another user, where root starts it
        settings = folder / "nginx.conf"
        settings.write_text(SETTINGS.format(folder=folder, server=server, port=port, idle=idle_seconds))
        process = subprocess.Popen([found, "-p", name, "-c", str(settings)])
        try:
            while not (folder / "nginx.pid").exists() and process.poll() is None:
                time.sleep(0.05)
            yield port
        finally:
            process.terminate()
            process.wait(20)
