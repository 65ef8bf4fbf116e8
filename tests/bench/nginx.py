"""nginx as a reference: one worker that ends TLS on one side, speaks TLS on the other, and passes upgrades and streams on."""

import os
import shutil
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from oceanctl.sandbox.components import LOOPBACK
from oceanctl.sandbox.pki import KeyPair
from oceanctl.sandbox.process import Program
from tests.bench.figures import CannotRunError
from tests.integration.proxier.station import SERVING_NAME

START_SECONDS: Final = 20.0
_CONFIG: Final = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    map $http_upgrade $connection_or_upgrade {{ default upgrade; "" close; }}
    server {{
        listen {address}:{port} ssl;
        ssl_certificate {serving.certificate};
        ssl_certificate_key {serving.key};
        ssl_client_certificate {authority};
        ssl_verify_client optional;
        ssl_protocols TLSv1.2 TLSv1.3;
        location / {{
            proxy_pass https://{address}:{upstream_port};
            proxy_ssl_protocols TLSv1.2 TLSv1.3;
            proxy_ssl_trusted_certificate {authority};
            proxy_ssl_verify on;
            proxy_ssl_name {serving_name};
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_or_upgrade;
            proxy_buffering off;
            proxy_buffer_size {buffer_size};
            proxy_buffers 8 {buffer_size};
            proxy_read_timeout 1h;
            proxy_send_timeout 1h;
        }}
    }}
}}
"""


@dataclass(frozen=True, slots=True)
class Nginx:
    """One that runs; `worker` is the process that does the work."""

    port: int
    worker: int


@dataclass(frozen=True, slots=True)
class Way:
    """Between which ends it stands, and with what it shows itself."""

    port: int
    upstream_port: int
    serving: KeyPair
    authority: Path
    buffer_size: str


@contextmanager
def running(folder: Path, way: Way) -> Iterator[Nginx]:
    """An nginx with a configuration of its own in a folder of its own.

    Raises:
        CannotRunError: This machine has no nginx.

    """
    program = found()
    folder.mkdir(exist_ok=True)
    config = folder / "nginx.conf"
    config.write_text(
        _CONFIG.format(
            folder=folder,
            address=LOOPBACK,
            port=way.port,
            upstream_port=way.upstream_port,
            serving=way.serving,
            authority=way.authority,
            buffer_size=way.buffer_size,
            serving_name=SERVING_NAME,
        )
    )
    process = Program(folder, "nginx")
    process.start([program, "-c", str(config), "-e", str(folder / "error.log")])
    try:
        process.wait_until(lambda: _why_not_open(way.port), START_SECONDS)
        yield Nginx(way.port, _worker_of(process))
    finally:
        process.stop(signal.SIGTERM)


def found() -> str:
    """The program, which Debian keeps where only root's PATH leads."""
    path = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))
    if (program := shutil.which("nginx", path=path)) is None:
        raise CannotRunError("nginx is not installed (Debian: nginx-light)")
    return program


def _why_not_open(port: int) -> str | None:
    try:
        socket.create_connection((LOOPBACK, port), 1).close()
    except OSError as error:
        return str(error)
    return None


def _worker_of(process: Program) -> int:
    master = process.process
    assert master is not None
    (worker,) = Path(f"/proc/{master.pid}/task/{master.pid}/children").read_text().split()
    return int(worker)
