import hashlib
import io
import platform
import socket
import ssl
import tarfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from oceanctl.sandbox.downloads import ETCD_RELEASE, KUBERNETES, ChecksumError, Releases
from oceanctl.sandbox.pki import Authority, Identity, Usage

API_SERVER = b"an API server"
ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]
KUBERNETES_PATH = f"/v{KUBERNETES}/bin/linux/{ARCHITECTURE}/kube-apiserver"
ETCD_NAME = f"etcd-v{ETCD_RELEASE}-linux-{ARCHITECTURE}"


class Site:
    """An https server of files by path; a value that is a string is where it redirects to."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        self.files: dict[str, bytes | str] = {}
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{self._listener.getsockname()[1]}"

    def serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection, suppress(OSError), self._tls.wrap_socket(connection, server_side=True) as stream:
                path = stream.recv(65536).decode().split()[1]
                stream.sendall(self._answer(path))

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _answer(self, path: str) -> bytes:
        match self.files.get(path):
            case bytes() as content:
                return b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(content), content)
            case str() as place:
                return f"HTTP/1.1 302 Found\r\nConnection: close\r\nLocation: {place}\r\n\r\n".encode()
            case None:
                return b"HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    authority = Authority(tmp_path / "pki")
    pair = authority.issue("site", Identity("site", hosts=("127.0.0.1",), usage=Usage.SERVER))
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.pair.certificate))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(pair.certificate, pair.key)
    made = Site(tls)
    thread = threading.Thread(target=made.serve)
    thread.start()
    yield made
    made.close()
    thread.join()


@pytest.fixture
def target(tmp_path: Path) -> Path:
    folder = tmp_path / "target"
    folder.mkdir()
    return folder


def _releases(site: Site) -> Releases:
    return Releases(lambda _line: None, site.url, site.url)


def _publish(site: Site, content: bytes, digest: str) -> None:
    site.files |= {KUBERNETES_PATH: content, f"{KUBERNETES_PATH}.sha256": f"{digest}\n".encode()}


def _etcd_archive(content: bytes) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        member = tarfile.TarInfo(f"{ETCD_NAME}/etcd")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def test_a_program_with_the_published_checksum_becomes_executable(site: Site, target: Path) -> None:
    _publish(site, API_SERVER, hashlib.sha256(API_SERVER).hexdigest())
    _releases(site).fetch(["kube-apiserver"], target)
    file = target / "kube-apiserver"
    assert (file.read_bytes(), file.stat().st_mode & 0o777) == (API_SERVER, 0o755)


def test_a_program_with_another_checksum_is_refused(site: Site, target: Path) -> None:
    _publish(site, API_SERVER + b"!", hashlib.sha256(API_SERVER).hexdigest())
    with pytest.raises(ChecksumError, match=hashlib.sha256(API_SERVER).hexdigest()):
        _releases(site).fetch(["kube-apiserver"], target)


def test_a_download_follows_a_redirect_that_stays_encrypted(site: Site, target: Path) -> None:
    _publish(site, API_SERVER, hashlib.sha256(API_SERVER).hexdigest())
    site.files["/elsewhere"] = API_SERVER
    site.files[KUBERNETES_PATH] = f"{site.url}/elsewhere"
    _releases(site).fetch(["kube-apiserver"], target)
    assert (target / "kube-apiserver").read_bytes() == API_SERVER


def test_a_download_does_not_follow_a_redirect_in_the_clear(site: Site, target: Path) -> None:
    _publish(site, API_SERVER, hashlib.sha256(API_SERVER).hexdigest())
    site.files[KUBERNETES_PATH] = "http://127.0.0.1:1/elsewhere"
    with pytest.raises(OSError, match="unknown url type"):
        _releases(site).fetch(["kube-apiserver"], target)


def test_etcd_is_taken_out_of_its_archive(site: Site, target: Path) -> None:
    archive = _etcd_archive(b"a database")
    name = f"{ETCD_NAME}.tar.gz"
    sums = f"{'0' * 64}  other.tar.gz\n{hashlib.sha256(archive).hexdigest()}  {name}\n"
    site.files |= {f"/v{ETCD_RELEASE}/SHA256SUMS": sums.encode(), f"/v{ETCD_RELEASE}/{name}": archive}
    _releases(site).fetch(["etcd"], target)
    assert {file.name: file.read_bytes() for file in target.iterdir()} == {"etcd": b"a database"}


def test_a_release_that_is_not_there_is_an_error_of_the_network(site: Site, target: Path) -> None:
    with pytest.raises(OSError, match="404"):
        _releases(site).fetch(["kube-apiserver"], target)


def test_an_unknown_machine_has_no_releases(site: Site, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "vax")
    with pytest.raises(OSError, match="no releases for vax"):
        _releases(site).fetch(["kube-apiserver"], target)
