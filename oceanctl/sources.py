"""Inventories as a person has them: a folder on this machine."""

from pathlib import Path

from inventory.blobs import blobs_in
from inventory.cache import TextCache
from inventory.errors import InvalidInventoryError, Problem
from inventory.load import load
from inventory.model import Inventory
from oceanctl.errors import UsageMistakeError


def read_folder(folder: Path) -> tuple[Inventory | None, tuple[Problem, ...]]:
    """What a folder holds, with every problem; the inventory is None if one of them is an error."""
    try:
        return load(blobs_in(folder), TextCache())
    except OSError as error:
        raise UsageMistakeError(f"cannot read {error.filename or folder}: {error.strerror}") from error


def valid_inventory(folder: Path) -> tuple[Inventory, tuple[Problem, ...]]:
    """The inventory of a folder and its warnings.

    Raises InvalidInventoryError with every problem.
    """
    inventory, problems = read_folder(folder)
    if inventory is None:
        raise InvalidInventoryError(problems)
    return inventory, problems
