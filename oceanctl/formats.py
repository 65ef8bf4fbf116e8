"""What `-o` may be, command by command."""

from enum import StrEnum
from typing import Annotated

import typer


class Format(StrEnum):
    """For a person or for a program."""

    TEXT = "text"
    JSON = "json"


OutputOption = Annotated[Format, typer.Option("-o", "--output", help="How to print the result.")]
