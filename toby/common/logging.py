"""How log lines look: one line an event, the message first, then `name=value` pairs.

`log(logger, "relay.sent", count=3)` rather than prose: lines can be searched by name and field.
"""

import json
import logging
import os
from datetime import UTC, datetime
from typing import Any

from toby.common.request_id import current_request_id

COLORS = {"DEBUG": "2", "WARNING": "33", "ERROR": "31", "CRITICAL": "1;31"}


def log(logger: logging.Logger, event: str, level: int = logging.INFO, **fields: object) -> None:
    logger.log(level, event, extra={"fields": fields})


def fields_of(record: logging.LogRecord) -> dict[str, Any]:
    fields = dict(getattr(record, "fields", {}))
    if request_id := current_request_id():
        fields.setdefault("request_id", request_id)
    return fields


def plain(text: str, *, quoted: bool = False) -> str:
    """`text` on one line and without control characters; `quoted` where it has spaces."""
    if not text.isprintable():
        text = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    return json.dumps(text, ensure_ascii=False) if quoted and " " in text else text


class LineFormatter(logging.Formatter):
    """`08:15:02.123 INFO    toby.outbox  relay.sent  count=3`, coloured where asked for."""

    def __init__(self, *, color: bool) -> None:
        super().__init__()
        self.color = color

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC)
        pairs = "".join(
            f"  {name}={plain(str(value), quoted=True)}"
            for name, value in fields_of(record).items()
        )
        message = plain(record.getMessage())
        moment = f"{at:%H:%M:%S}.{at.microsecond // 1000:03}"
        line = f"{moment} {record.levelname:<7} {record.name}  {message}{pairs}"
        if self.color and record.levelname in COLORS:
            line = f"\033[{COLORS[record.levelname]}m{line}\033[0m"
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line


class JSONFormatter(logging.Formatter):
    """One JSON object a line, for programs that collect logs."""

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "process": os.environ.get("TOBY_PROCESS", ""),
            "message": record.getMessage(),
            **fields_of(record),
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry, default=str)


def logging_config() -> dict[str, Any]:
    if os.environ.get("TOBY_LOG_FORMAT") == "json":
        formatter: dict[str, Any] = {"()": JSONFormatter}
    else:
        formatter = {"()": LineFormatter, "color": os.environ.get("TOBY_LOG_COLOR") == "1"}
    quiet = {"level": "WARNING"}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": formatter},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": os.environ.get("TOBY_LOG_LEVEL", "INFO")},
        "loggers": {
            # The request log of toby.common.middleware says the same with the request id.
            "django.request": {"level": "ERROR"},
            "django.server": quiet,
            "django.channels.server": quiet,
            "uvicorn": quiet,
            "gunicorn.access": quiet,
            # It would tell who is mailed.
            "mailer": quiet,
        },
    }
