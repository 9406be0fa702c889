"""optin's process for chat messages, with the rules of a test: this machine may be reached, without TLS."""

from __future__ import annotations

import sys

from optin.services.chat_process import main

COMMAND = (sys.executable, "-m", "tests.chat_process")

if __name__ == "__main__":
    main(lambda _address: True, only_tls=False)
