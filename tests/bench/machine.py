"""What the figures were made on; ratios travel, absolute figures do not."""

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

_LIBRARIES = ("aiohttp", "msgspec", "orjson")


def facts() -> dict[str, Any]:
    return {
        "python": platform.python_version(),
        "cores": len(os.sched_getaffinity(0)),
        "architecture": platform.machine(),
        "memory_gib": round(memory("MemTotal") / 2**30),
        **{library: version(library) for library in _LIBRARIES},
    }


def memory(field: str) -> int:
    """Bytes, of /proc/meminfo: `MemTotal`, `MemAvailable` and others."""
    lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    found = next(line for line in lines if line.startswith(f"{field}:"))
    return int(found.split()[1]) * 1024
