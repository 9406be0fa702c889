"""Log lines of a server: for people, or one JSON object a line for a program (O5).

Each line of a request bears its id, which is made here and says nothing of who sent it.
"""

from __future__ import annotations

import logging
import secrets
from typing import Literal, TypeAlias

import structlog

LogFormat: TypeAlias = Literal["text", "json"]
FORMATS: tuple[LogFormat, ...] = ("text", "json")
ID_BYTES = 8


def write_log(shape: LogFormat) -> None:
    """Write log lines from now on, from INFO up, to standard error."""
    if shape == "text":
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
        return
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                structlog.contextvars.merge_contextvars,
                structlog.stdlib.add_log_level,
                structlog.stdlib.add_logger_name,
                structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            ],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    logging.basicConfig(level=logging.INFO, handlers=[handler])


def begin_request() -> str:
    """Give the request of this task an id, which its log lines bear; return it."""
    name = secrets.token_hex(ID_BYTES)
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request=name)
    return name
