"""How problems speak: values cut to a readable length, and the word that was probably meant."""

from collections.abc import Iterable
from difflib import get_close_matches


def brief(text: str, longest: int = 80) -> str:
    """The text in quotes, escaped, and cut when it is long: it may be anything."""
    quoted = repr(text[: longest + 1])
    return quoted if len(quoted) <= longest + 2 else f"{quoted[:longest]}…"


def meant(word: str, known: Iterable[str]) -> str | None:
    """A hint with the known word that is closest, if one is close."""
    by_folded = {each.lower(): each for each in known}
    close = get_close_matches(word.lower()[:80], by_folded, n=1)
    return f"did you mean '{by_folded[close[0]]}'?" if close else None
