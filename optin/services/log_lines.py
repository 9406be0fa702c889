"""Log lines of a server: for people, or one JSON object a line for a program (O5).

Each line of a request bears its id, which is made here and says nothing of who sent it.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import MutableMapping
from contextvars import ContextVar
from typing import Any, Literal, TypeAlias

LogFormat: TypeAlias = Literal["text", "json"]
FORMATS: tuple[LogFormat, ...] = ("text", "json")
ID_BYTES = 8

_request: ContextVar[str] = ContextVar("request", default="")


def write_log(shape: LogFormat) -> None:
    """Write log lines from now on, from INFO up, to standard error."""
    if shape == "text":
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
        return
    import structlog  # noqa: PLC0415 - with what it imports, 6 MiB that a server with lines for people needs not

    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                _with_request_id,
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
    _request.set(name)
    return name


def _with_request_id(
    _logger: object, _level: str, line: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    if name := _request.get():
        line["request"] = name
    return line
