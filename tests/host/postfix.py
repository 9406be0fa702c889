"""A real Postfix that looks names up in a Knot of its own, and a Dovecot that serves a mailbox by IMAP.

Nothing of the machine's is used: configuration, queue and ports are of the test, and so is resolv.conf, which
only the Postfix of the test sees (a mount namespace). That needs root.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.ports import reserved_port
from tests.waiting import wait_until

HERE = "127.0.0.1"
RESOLVER = "127.0.0.54"  # resolv.conf names no port
PACKAGES = ("postfix", "dovecot-imapd", "knot")
MAILBOX_USER, MAILBOX_PASSWORD = "bounces", "of-this-test"
NOBODY_ID = 65534
MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
meta_directory = /etc/postfix
shlib_directory = /usr/lib/postfix
mail_owner = postfix
setgid_group = postdrop
maillog_file = {folder}/log/mail.log
maillog_file_prefixes = {folder}
inet_interfaces = {here}
inet_protocols = ipv4
myhostname = relay.example
mynetworks = 127.0.0.0/8
mydestination =
relay_domains = optin.example.com
recipient_delimiter = +
smtp_tcp_port = {sink}
smtp_tls_security_level = none
queue_run_delay = 2s
minimal_backoff_time = 2s
maximal_backoff_time = 4s
delay_warning_time = 4s
maximal_queue_lifetime = 14s
transport_maps = texthash:{folder}/transport
virtual_mailbox_base = {folder}
virtual_mailbox_maps = inline:{{ {{ bounces@optin.example.com = box/ }} }}
virtual_uid_maps = static:{nobody}
virtual_gid_maps = static:{nobody}
"""
MASTER = """
{here}:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 1 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
lmtp unix - - n - - lmtp
virtual unix - n n - - virtual
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
scache unix - - n - 1 scache
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
optin-bounce unix - n n - 2 pipe
  flags=DORhu user=nobody argv={program}
"""
DOVECOT = """
base_dir = {folder}/dovecot
state_dir = {folder}/dovecot
log_path = {folder}/log/dovecot.log
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
first_valid_uid = 1
mail_location = maildir:{folder}/box
service imap-login {{
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={nobody} gid={nobody} home={folder}/box
}}
"""


@dataclass(frozen=True)
class Postfix:
    """One that runs. `port`: where it takes mails, at HERE; `folder`: its own."""

    folder: Path
    port: int

    def log(self) -> str:
        """Return what it wrote."""
        file = self.folder / "log" / "mail.log"
        return file.read_text() if file.exists() else ""


def fetch() -> str:
    """Install Debian's packages where that can be done; return what is missing."""
    if _is_missing() and shutil.which("apt-get") and os.geteuid() == 0:
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(
            ["apt-get", "install", "-q", "-y", "--no-install-recommends", *PACKAGES],
            check=False,
            stdout=sys.stderr,
            env=environment,
        )
    if os.geteuid() != 0:
        return ""  # the test says that it needs root
    return "The tests need Postfix and Dovecot: install postfix and dovecot-imapd." if _is_missing() else ""


def _is_missing() -> bool:
    return not (Path("/usr/sbin/postfix").exists() and Path("/usr/lib/dovecot/imap").exists())


@contextmanager
def postfix(folder: Path, sink: int, transport: str, program: Path = Path("/bin/false")) -> Iterator[Postfix]:
    """Run one in `folder`, which every user must be able to enter.

    `sink`: port at which all servers of recipients listen; `transport`: of bounces@optin.example.com;
    `program`: what its transport optin-bounce starts.
    """
    for name in ("config", "queue", "data", "log"):
        (folder / name).mkdir(parents=True)
    shutil.chown(folder / "data", "postfix")
    for name in ("box", "box/cur", "box/new", "box/tmp"):
        (folder / name).mkdir()
        shutil.chown(folder / name, NOBODY_ID, NOBODY_ID)
    resolver = folder / "resolv.conf"
    resolver.write_text(f"nameserver {RESOLVER}\n")
    (folder / "transport").write_text(f"bounces@optin.example.com {transport}\n")
    with reserved_port() as port:
        values = {"folder": folder, "here": HERE, "port": port, "sink": sink, "nobody": NOBODY_ID}
        main = MAIN.format(**values)
        if transport.startswith("virtual:"):
            main = main.replace("relay_domains =", "relay_domains =\nvirtual_mailbox_domains =", 1)
        (folder / "config" / "main.cf").write_text(main)
        (folder / "config" / "master.cf").write_text(MASTER.format(**values, program=program))
        seen = 'mount --bind "$1" /etc/resolv.conf && exec /usr/sbin/postfix -c "$2" '
        config = str(folder / "config")
        starting = ["unshare", "-m", "sh", "-c", f"{seen} start-fg", "sh", str(resolver), config]
        with (folder / "log" / "start").open("wb") as log:
            process = subprocess.Popen(starting, stdout=log, stderr=log)
        running = Postfix(folder, port)
        try:
            wait_until(lambda: "daemon started" in running.log() or process.poll() is not None)
            assert process.poll() is None, (folder / "log" / "start").read_text() + running.log()
            yield running
        finally:
            _end_master(folder)
            process.wait(60)


def _end_master(folder: Path) -> None:
    """End it by its number: it is in a session of its own, so what started it cannot."""
    file = folder / "queue" / "pid" / "master.pid"
    with suppress(OSError, ValueError):
        os.kill(int(file.read_text()), signal.SIGTERM)


@contextmanager
def dovecot(folder: Path) -> Iterator[int]:
    """Serve the Maildir `box` in `folder` by IMAP; yield the port."""
    (folder / "dovecot").mkdir()
    with reserved_port() as port:
        settings = folder / "dovecot.conf"
        settings.write_text(
            DOVECOT.format(folder=folder, port=port, password=MAILBOX_PASSWORD, nobody=NOBODY_ID)
        )
        process = subprocess.Popen(["/usr/sbin/dovecot", "-F", "-c", str(settings)])
        try:
            time.sleep(0.5)
            assert process.poll() is None, (folder / "log" / "dovecot.log").read_text()
            yield port
        finally:
            process.terminate()
            process.wait(60)
