"""Run every benchmark, or those that are named: python -m tests.benchmarks [NAME …]."""

from __future__ import annotations

import importlib
import sys

NAMES = (
    "pages",
    "numbers",
    "sign_ups",
    "limits",
    "guard",
    "courier",
    "connectors",
    "letters",
    "start",
    "export",
    "proof",
    "rights",
    "may",
    "people",
    "desk",
    "site",
    "pictures",
    "customers",
    "crowds",
    "kills",
)

for name in sys.argv[1:] or NAMES:
    print(f"## {name}", flush=True)
    importlib.import_module(f"tests.benchmarks.{name}").main()
