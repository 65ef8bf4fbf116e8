import base64

import pytest

from inventory.codes import Code
from inventory.compose import Flaw
from inventory.texts import key_material_in, text_of

KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\n"
CERTIFICATE = KEY.replace("RSA PRIVATE KEY", "CERTIFICATE")
PUBLIC = KEY.replace("RSA PRIVATE KEY", "PUBLIC KEY")
TOKEN = "eyJhbGciOiJSUzI1NiIs.eyJzdWIiOiJzeXN0ZW0.c2lnbmF0dXJl"


def flaw_in(data: bytes) -> tuple[Code, int, int]:
    found = text_of(data)
    assert isinstance(found, Flaw)
    return found.code, found.at.line, found.at.column


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize("text", ["", "a: 1\n", "a: 1\r\nb: ä€😀\t# tab\n", "👩\u200d💻\n"])
def test_visible_text_is_read(text: str) -> None:
    assert text_of(text.encode()) == text


def test_a_byte_order_mark_is_dropped() -> None:
    assert text_of(b"\xef\xbb\xbfa: 1\n") == "a: 1\n"


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"a: 1\nb: \xff\n", (Code.ENCODING, 2, 4)),
        ("a: 1\n".encode("utf-16"), (Code.ENCODING, 1, 1)),
        (b"a: 1\nb: \x00\n", (Code.INVISIBLE, 2, 4)),
        (b"a: \x1b[31m\n", (Code.INVISIBLE, 1, 4)),
        (b"a: 1\rb: 2\n", (Code.INVISIBLE, 1, 5)),
        ("a: \u202eevil\n".encode(), (Code.INVISIBLE, 1, 4)),
        ("a: x\u200by\n".encode(), (Code.INVISIBLE, 1, 5)),
        ("a: x\u2028b: y\n".encode(), (Code.INVISIBLE, 1, 5)),
        ("a: 1\nb: \ufeff\n".encode(), (Code.INVISIBLE, 2, 4)),
    ],
)
def test_what_a_reviewer_would_not_see_is_refused(data: bytes, found: tuple[Code, int, int]) -> None:
    assert flaw_in(data) == found


@pytest.mark.parametrize(
    "text",
    [
        KEY,
        "a: |\n  -----BEGIN PRIVATE KEY-----\n",
        "a: |\n  -----BEGIN OPENSSH PRIVATE KEY-----\n",
        f"a: {encoded(KEY)}\n",
        f"a: {encoded(KEY.replace('RSA ', ''))}\n",
        f"a: {encoded(KEY.replace('RSA', 'EC'))}\n",
        f"token: {TOKEN}\n",
        "users:\n- user:\n    client-key-data: abc\n",
        "data:\n  kubeconfig: abc\n",
        'spec: {a: 1}\n"kubeconfig": |\n  x\n',
    ],
)
def test_key_material_is_found(text: str) -> None:
    assert key_material_in(text) is not None


@pytest.mark.parametrize(
    "text",
    [
        CERTIFICATE,
        PUBLIC,
        f"ca: {encoded(CERTIFICATE)}\n",
        f"key: {encoded(PUBLIC)}\n",
        "# kubeconfig: lies in a Secret\n",
        "secretRef: {name: worker-1-kubeconfig}\n",
        "hint: keyJoin.eyJoin\n",
    ],
)
def test_what_only_looks_like_a_key_is_not_one(text: str) -> None:
    assert key_material_in(text) is None


def test_a_key_is_pointed_at_and_not_repeated() -> None:
    found = text_of(f"a: 1\nb: {TOKEN}\n".encode())

    assert isinstance(found, Flaw)
    assert (found.code, found.at.line, found.at.column) == (Code.KEY_MATERIAL, 2, 4)
    assert TOKEN not in str(found)
