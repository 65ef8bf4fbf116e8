"""From bytes to a text in which a reviewer sees all that is read: UTF-8, no invisible characters, no keys."""

import re
import unicodedata
from typing import Final

from inventory.codes import Code
from inventory.compose import Flaw, Mark

_BOM: Final = "\ufeff"
_INVISIBLE: Final = re.compile(
    "[^\t\n\r -~\u00a0-\U0010ffff]"  # control characters
    "|\r(?!\n)"
    "|[\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]"  # marks that reorder or hide what is shown
    "|[\ufffe\uffff]"
)
_KEY_MATERIAL: Final = re.compile(
    r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----"
    r"|LS0tLS1CRUdJTi(?!BDRVJU|BQVUJM)"  # "-----BEGIN" in base64, unless CERTIFICATE or PUBLIC KEY follows
    r"|\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\."  # a JSON Web Token
    r"|^[ \t-]*[\"']?(?:client-key-data|kubeconfig)[\"']?[ \t]*:",
    re.MULTILINE,
)


def text_of(data: bytes) -> str | Flaw:
    """The text of a file, without a byte order mark, or the reason why it is not read."""
    try:
        text = data.decode("utf-8").removeprefix(_BOM)
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8")
        return Flaw(Code.ENCODING, "not UTF-8", _mark(before, len(before)), "save the file as UTF-8")
    return key_material_in(text) or _invisible_in(text) or text


def key_material_in(text: str) -> Flaw | None:
    """The first key, token or kubeconfig in a text."""
    found = _KEY_MATERIAL.search(text)
    if found is None:
        return None
    hint = "keep it in a Secret of the computing cluster and name that; consider this key disclosed"
    return Flaw(Code.KEY_MATERIAL, "key material in the repository", _mark(text, found.start()), hint)


def _invisible_in(text: str) -> Flaw | None:
    found = _INVISIBLE.search(text)
    if found is None:
        return None
    name = unicodedata.name(found[0], "a control character").lower()
    message = f"the invisible character U+{ord(found[0]):04X} ({name})"
    return Flaw(Code.INVISIBLE, message, _mark(text, found.start()), "remove it, or write it as an escape in quotes")


def _mark(text: str, index: int) -> Mark:
    return Mark(text.count("\n", 0, index) + 1, index - text.rfind("\n", 0, index), 1)
