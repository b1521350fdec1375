"""What the tests of TLS share: certificates, brokers that speak it, and servers that do it badly."""
from __future__ import annotations

import os
import random
import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlencode

from program import DEADLINE, Process
from send_support import PrivateBroker, open_pipe, private_broker

NOT_IN_CERTIFICATE = "127.0.0.2"  # the broker listens there all the same


def openssl(*args: str | Path) -> None:
    subprocess.run(["openssl", *args], check=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=60)


@dataclass(frozen=True)
class Certificate:
    pem: Path
    key: Path


class Authority:
    """An authority and what it signs."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._own = self._files(name)
        self.pem = self._own.pem
        openssl("req", "-x509", *self._new_key(self._own.key), "-subj", f"/CN={name}", "-out", self.pem)
        self._config = folder / f"{name}.cnf"
        database = folder / f"{name}.index"
        database.touch()
        self._config.write_text(f"""[ca]
default_ca = own
[own]
certificate = {self.pem}
private_key = {self._own.key}
database = {database}
new_certs_dir = {folder}
default_md = sha256
rand_serial = yes
unique_subject = no
policy = any
[any]
commonName = supplied
""")

    def _files(self, name: str) -> Certificate:
        return Certificate(self._folder / f"{name}.pem", self._folder / f"{name}.key")

    @staticmethod
    def _new_key(path: Path) -> list[str | Path]:
        return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", path]

    def sign(self, name: str, alternatives: str, *, user: str = "", expired: bool = False) -> Certificate:
        """A certificate for `alternatives`, and for the RabbitMQ user `user`."""
        made = self._files(name)
        request, extensions = self._folder / f"{name}.csr", self._folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName = {alternatives}\n")
        openssl("req", *self._new_key(made.key), "-subj", f"/CN={user or name}", "-out", request)
        validity = ["-startdate", "20000101000000Z", "-enddate", "20000102000000Z"] if expired else ["-days", "2"]
        openssl("ca", "-batch", "-notext", "-config", self._config, *validity, "-extfile", extensions,
                "-in", request, "-out", made.pem)
        return made


@dataclass(frozen=True)
class TlsBroker:
    plain: PrivateBroker
    port: int

    def run(self, program: str, *args: str) -> str:
        return self.plain.run(program, *args)

    def url(self, host: str = "localhost", login: str = "guest:guest", **query: str | Path) -> str:
        return tls_url(host, self.port, login, **query)


def tls_url(host: str, port: int, login: str = "guest:guest", **query: str | Path) -> str:
    parameters = urlencode({name: str(value) for name, value in query.items()}, quote_via=quote)
    return f"amqps://{login}@{host}:{port}/%2f?{parameters}"


def with_certificate(certificate: Certificate) -> dict[str, Path]:
    """Of a URL's query."""
    return {"certfile": certificate.pem, "keyfile": certificate.key}


def can_bind(host: str, port: int = 0) -> bool:
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as candidate:
            candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            candidate.bind((host, port))
            return True
    except OSError:
        return False


def addresses() -> list[str]:
    return [host for host in ("127.0.0.1", NOT_IN_CERTIFICATE, "::1") if can_bind(host)]


def free_port(hosts: list[str]) -> int:
    """Below those the kernel gives to outgoing connections."""
    while not all(can_bind(host, port := random.randrange(20_000, 32_000)) for host in hosts):
        pass
    return port


@contextmanager
def tls_broker(folder: Path, authority: Authority, server: Certificate, *config: str) -> Iterator[TlsBroker]:
    """Verifies clients' certificates by `authority`, and lets them log in by these."""
    hosts = addresses()
    port = free_port(hosts)
    listeners = [f"listeners.ssl.{number} = {host}:{port}" for number, host in enumerate(hosts, 1)]
    lines = [
        f"ssl_options.cacertfile = {authority.pem}",
        f"ssl_options.certfile = {server.pem}",
        f"ssl_options.keyfile = {server.key}",
        "ssl_options.verify = verify_peer",
        "auth_mechanisms.1 = PLAIN",
        "auth_mechanisms.2 = EXTERNAL",
        "ssl_cert_login_from = common_name",
    ]
    plugins = ["rabbitmq_auth_mechanism_ssl"]
    with private_broker(folder, *listeners, *lines, *config, plugins=plugins) as plain:
        yield TlsBroker(plain, port)


@dataclass(frozen=True)
class OpensslServer:
    """Speaks TLS, and nothing in it."""

    process: Process

    @property
    def port(self) -> int:
        return int(self._said(rb"^ACCEPT .*:(\d+)$"))

    def version(self) -> str:
        """1.2 or 1.3, that of the connection it has; 1.3 has ciphers of its own (RFC 8446, appendix B.4)."""
        return "TLSv1.3" if self._said(rb"^CIPHER is (\S+)$").startswith(b"TLS_") else "TLSv1.2"

    def _said(self, pattern: bytes) -> bytes:
        def found() -> re.Match[bytes] | None:
            return re.search(pattern, self.process.stdout, re.MULTILINE)

        self.process.wait_for(lambda: found() is not None, f"{pattern!r}")
        match = found()
        assert match
        return match[1]


@contextmanager
def openssl_server(certificate: Certificate, *options: str) -> Iterator[OpensslServer]:
    argv = ["openssl", "s_server", "-accept", "0", "-cert", str(certificate.pem), "-key", str(certificate.key), *options]
    env = {name: value for name, value in os.environ.items() if name != "OPENSSL_CONF"}  # that is the programs'
    with open_pipe() as silence:
        process = Process(argv, env, stdin=silence.reading)
        try:
            yield OpensslServer(process)
        finally:
            process.kill()


@contextmanager
def silent_server() -> Iterator[socket.socket]:
    """Accepts connections on the loopback address, and answers nothing."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        listening.settimeout(DEADLINE)
        yield listening
