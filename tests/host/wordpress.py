"""A real WordPress: Debian's package over a MariaDB of its own, served by PHP's own server.

Nothing is started by the system, and nothing of it outlives the test.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx2 as httpx

from tests.host.servers import FOLDER

UNPACKED = FOLDER / "wordpress"
PROGRAMS = ("php", "mariadbd", "mariadb-install-db")
INSTALLED = (
    "php-cli",
    "php-mysql",
    "mariadb-server-core",
    "mariadb-client-core",
)  # none of them is a service
DOWNLOADED = ("wordpress", "wordpress-theme-twentytwentythree")
SEARCHED = "/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin"
START_SECONDS = 60
SETTINGS = """<?php
define('DB_NAME', 'wordpress'); define('DB_USER', 'root'); define('DB_PASSWORD', '');
define('DB_HOST', 'localhost:{folder}/database.sock');
define('DB_CHARSET', 'utf8mb4'); define('DB_COLLATE', '');
define('WP_HOME', '{address}'); define('WP_SITEURL', '{address}');
define('WP_HTTP_BLOCK_EXTERNAL', true); define('DISABLE_WP_CRON', true);
define('AUTOMATIC_UPDATER_DISABLED', true);
$table_prefix = 'wp_';
if (!defined('ABSPATH')) define('ABSPATH', __DIR__ . '/');
require_once ABSPATH . 'wp-settings.php';
"""
INSTALL = """<?php
$_SERVER['HTTP_HOST'] = parse_url($argv[2], PHP_URL_HOST) . ':' . parse_url($argv[2], PHP_URL_PORT);
$_SERVER['REQUEST_URI'] = '/';
function wp_mail() { return true; }
define('WP_INSTALLING', true);
$server = new mysqli('localhost', 'root', '', '', 0, dirname($argv[1]) . '/database.sock');
$server->query('CREATE DATABASE wordpress');
require $argv[1] . '/wp-load.php';
require ABSPATH . 'wp-admin/includes/upgrade.php';
wp_install('The company', 'admin', 'admin@example.com', true, '', 'password');
switch_theme('twentytwentythree');
"""
# what "publish" does for an administrator who pasted lines into a block "Custom HTML", with its filters
PUBLISH = """<?php
$_SERVER['HTTP_HOST'] = 'x'; $_SERVER['REQUEST_URI'] = '/';
require $argv[1] . '/wp-load.php';
wp_set_current_user(1);
kses_init();
$html = "<!-- wp:html -->\\n" . stream_get_contents(STDIN) . "\\n<!-- /wp:html -->";
$page = ['post_type' => 'page', 'post_status' => 'publish', 'post_title' => $argv[2]];
echo wp_insert_post(wp_slash([...$page, 'post_content' => $html]));
"""


def program(name: str) -> str | None:
    """Return the path of a program of this machine."""
    return shutil.which(name, path=SEARCHED)


def fetch() -> str:
    """Install what runs it and unpack it; return what is missing, in a sentence, or nothing."""
    may_install = shutil.which("apt-get") and shutil.which("dpkg")
    if not all(map(program, PROGRAMS)) and may_install and os.geteuid() == 0:
        for words in (["update", "-q"], ["install", "-q", "-y", "--no-install-recommends", *INSTALLED]):
            subprocess.run(["apt-get", *words], check=False, stdout=sys.stderr)
    if not (UNPACKED / "usr").exists() and may_install:
        UNPACKED.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as folder:
            words = ["apt-get", "download", "-q", *DOWNLOADED]
            subprocess.run(words, cwd=folder, check=False, stdout=sys.stderr)
            for package in Path(folder).glob("*.deb"):
                subprocess.run(["dpkg", "-x", str(package), str(UNPACKED)], check=True)
    if not all(map(program, PROGRAMS)) or not (UNPACKED / "usr/share/wordpress/wp-load.php").exists():
        return f"The tests need a WordPress: install it (apt-get install {' '.join(INSTALLED)} wordpress)."
    return ""


@dataclass(frozen=True)
class WordPress:
    """A website of a company. `address`: without a path."""

    address: str
    folder: Path

    def publish(self, title: str, html: str) -> str:
        """Publish a page with a block "Custom HTML", as an administrator; return its address."""
        done = _php(self.folder, PUBLISH, str(self.folder / "site"), title, told=html)
        return f"{self.address}/?page_id={int(done)}"


@contextmanager
def wordpress(port: int) -> Iterator[WordPress]:
    """Run a new one on a port of this machine."""
    with tempfile.TemporaryDirectory(prefix="optin-wp-") as name, _database(Path(name)):
        folder, address = Path(name), f"http://127.0.0.1:{port}"
        shutil.copytree(UNPACKED / "usr/share/wordpress", folder / "site", ignore_dangling_symlinks=True)
        (folder / "site" / "wp-config.php").write_text(SETTINGS.format(folder=folder, address=address))
        _php(folder, INSTALL, str(folder / "site"), address)
        words = [str(program("php")), "-S", f"127.0.0.1:{port}", "-t", str(folder / "site")]
        own = {**os.environ, "PHP_CLI_SERVER_WORKERS": "4"}
        with (folder / "php.log").open("wb") as log:
            server = subprocess.Popen(words, env=own, stdout=log, stderr=log)
            try:
                _wait_until_answered(server, address)
                yield WordPress(address, folder)
            finally:
                end_server(server)


@contextmanager
def _database(folder: Path) -> Iterator[None]:
    """Run a MariaDB on a socket in the folder."""
    as_root = ["--user=root"] if os.geteuid() == 0 else []
    data = f"--datadir={folder / 'data'}"
    words = [str(program("mariadb-install-db")), "--no-defaults", data, "--skip-test-db", *as_root]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    command = [
        str(program("mariadbd")),
        "--no-defaults",
        data,
        f"--socket={folder / 'database.sock'}",
        f"--pid-file={folder / 'database.pid'}",
        "--skip-networking",
        "--skip-grant-tables",  # its socket is in a folder of this user alone
        *as_root,
    ]
    with (folder / "database.log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            end = time.monotonic() + START_SECONDS
            while (
                not (folder / "database.sock").exists() and time.monotonic() < end and server.poll() is None
            ):
                time.sleep(0.1)
            yield
        finally:
            end_server(server)


def _php(folder: Path, program_text: str, *words: str, told: str = "") -> str:
    """Run a program of PHP; return what it prints."""
    script = folder / "step.php"
    script.write_text(program_text)
    command = [str(program("php")), str(script), *words]
    done = subprocess.run(command, input=told, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _wait_until_answered(server: subprocess.Popen[bytes], address: str) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and server.poll() is None:
        with suppress(httpx.TransportError):
            if httpx.get(address, timeout=30).status_code == httpx.codes.OK:
                return
        time.sleep(0.1)
    msg = "WordPress does not answer"
    raise AssertionError(msg)


def end_server(server: subprocess.Popen[bytes], seconds: float = 30) -> None:
    """End a server, by force if it has not ended in time."""
    server.terminate()
    try:
        server.wait(seconds)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait(20)
