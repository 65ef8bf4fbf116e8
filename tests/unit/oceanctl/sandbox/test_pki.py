import ssl
import stat
from pathlib import Path

import pytest
from cryptography import x509

from oceanctl.sandbox.pki import Authority, Identity, KeyPair, Usage, signing_key


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "pki")


def _handshake(authority: Authority, server: KeyPair, client: KeyPair, host: str) -> dict[str, object]:
    """Both sides verify as strictly as the newest Python does; what the server learns about the client is returned."""
    for_server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    for_server.verify_mode = ssl.CERT_REQUIRED
    for_client = ssl.create_default_context()
    for context, pair in ((for_server, server), (for_client, client)):
        context.load_verify_locations(authority.pair.certificate)
        context.load_cert_chain(pair.certificate, pair.key)
        context.verify_flags |= ssl.VERIFY_X509_STRICT
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = [for_client.wrap_bio(down, up, server_hostname=host), for_server.wrap_bio(up, down, server_side=True)]
    for _ in range(4):
        for side in sides:
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return dict(sides[1].getpeercert() or {})


def test_server_and_client_certificates_satisfy_a_strict_handshake(authority: Authority) -> None:
    server = authority.issue("server", Identity("server", hosts=("127.0.0.1", "node-1"), usage=Usage.SERVER))
    client = authority.issue("client", Identity("alice", ("admins",)))
    subject = _handshake(authority, server, client, "127.0.0.1")["subject"]
    assert subject == ((("organizationName", "admins"),), (("commonName", "alice"),))


def test_a_server_certificate_is_good_for_its_hosts_only(authority: Authority) -> None:
    server = authority.issue("server", Identity("server", hosts=("127.0.0.1",), usage=Usage.SERVER))
    with pytest.raises(ssl.SSLCertVerificationError):
        _handshake(authority, server, authority.issue("client", Identity("alice")), "127.0.0.2")


def test_a_client_certificate_does_not_serve(authority: Authority) -> None:
    client = authority.issue("client", Identity("alice", hosts=("127.0.0.1",)))
    with pytest.raises(ssl.SSLCertVerificationError):
        _handshake(authority, client, client, "127.0.0.1")


def test_what_was_issued_is_found_again(authority: Authority) -> None:
    first = authority.issue("client", Identity("alice")).certificate.read_bytes()
    again = Authority(authority.folder).issue("client", Identity("alice")).certificate.read_bytes()
    assert first == again


def test_a_certificate_without_its_key_is_issued_anew(authority: Authority) -> None:
    pair = authority.issue("client", Identity("alice"))
    pair.key.unlink()
    assert authority.issue("client", Identity("alice")).exists


def test_private_keys_are_for_their_owner_only(authority: Authority) -> None:
    authority.issue("client", Identity("alice"))
    signing_key(authority.folder, "tokens")
    modes = {stat.S_IMODE(file.stat().st_mode) for file in authority.folder.glob("*.key")}
    assert (modes, stat.S_IMODE(authority.folder.stat().st_mode)) == ({0o600}, 0o700)


def test_two_authorities_are_not_the_same(tmp_path: Path) -> None:
    names = {
        x509.load_pem_x509_certificate(Authority(tmp_path / name).pair.certificate.read_bytes()).serial_number
        for name in "ab"
    }
    assert len(names) == 2
