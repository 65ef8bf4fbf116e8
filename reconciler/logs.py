"""JSON logs: a constant message, everything variable as a field."""

import json
import logging
import sys
from datetime import UTC, datetime

_STANDARD = frozenset(vars(logging.LogRecord("", 0, "", 0, "", None, None))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """One JSON object per record; the fields of `extra` come after the fixed ones."""

    def format(self, record: logging.LogRecord) -> str:
        """Render a record."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: value for name, value in vars(record).items() if name not in _STANDARD}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


def configure(level: str, audit_file: str = "") -> None:
    """Log to standard error as JSON, libraries only from WARNING on; the audit goes to its own file where one is named."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    for name in ("inventory", "proxier", "reconciler"):
        logging.getLogger(name).setLevel(level.upper())
    if audit_file:
        audit = logging.getLogger("reconciler.audit")
        to_file = logging.FileHandler(audit_file, encoding="utf-8")
        to_file.setFormatter(JsonFormatter())
        audit.addHandler(to_file)
        audit.propagate = False
