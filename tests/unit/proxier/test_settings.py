from typing import Any

import pytest

from proxier.settings import Settings, check_certificate
from reconciler.layered import SettingsError

FILES = {"tls_cert_file": "c", "tls_key_file": "k"}
ADDRESS = {"advertise_address": "10.0.0.7"}


@pytest.mark.parametrize(
    "said",
    [
        FILES,
        {"serving_certificate": "secret", "tls_secret": "ns/name"},
        {"serving_certificate": "csr", **ADDRESS},
        {"serving_certificate": "own-ca", "advertise_address": "fd00::1"},
    ],
)
def test_every_source_can_be_asked_for(said: dict[str, Any]) -> None:
    check_certificate(Settings(**said))


WRONG = {
    "nothing": ({}, "tls_cert_file: is required with serving_certificate 'files'"),
    "no key": ({"tls_cert_file": "c"}, "tls_key_file: is required with serving_certificate 'files'"),
    "files and a Secret": (
        {**FILES, "tls_secret": "a/b"},
        "tls_secret: is not looked at with serving_certificate 'files'",
    ),
    "only a Secret": ({"tls_secret": "a/b"}, "tls_secret: is not looked at with serving_certificate 'files'"),
    "a Secret and files": (
        {"serving_certificate": "secret", "tls_secret": "a/b", **FILES},
        "tls_cert_file: is not looked at with serving_certificate 'secret'",
    ),
    "no Secret": ({"serving_certificate": "secret"}, "tls_secret: is required"),
    "no namespace": ({"serving_certificate": "secret", "tls_secret": "name"}, "'name' is not namespace/name"),
    "a path": ({"serving_certificate": "secret", "tls_secret": "a/b/c"}, "'a/b/c' is not namespace/name"),
    "csr with a key": (
        {"serving_certificate": "csr", "tls_key_file": "k", **ADDRESS},
        "tls_key_file: is not looked at with serving_certificate 'csr'",
    ),
    "csr for nowhere": (
        {"serving_certificate": "csr"},
        "advertise_address: is required with serving_certificate 'csr'",
    ),
    "own-ca for nowhere": ({"serving_certificate": "own-ca"}, "advertise_address: is required"),
    "csr for a name": ({"serving_certificate": "csr", "advertise_address": "host"}, "'host' is not an IP address"),
    "no time": (
        {"serving_certificate": "own-ca", "serving_certificate_seconds": 599, **ADDRESS},
        "serving_certificate_seconds: must be 600 or more",
    ),
}


@pytest.mark.parametrize(("said", "text"), WRONG.values(), ids=WRONG)
def test_contradictions_are_refused_by_name(said: dict[str, Any], text: str) -> None:
    with pytest.raises(SettingsError, match=text):
        check_certificate(Settings(**said))
