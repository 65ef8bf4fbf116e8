"""Why a demo ends early."""

from inventory.errors import OceanError


class DemoError(OceanError):
    """A step did not bring about what it shows; the text says what was awaited and what was seen."""
