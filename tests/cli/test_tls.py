"""TLS on a real broker: who is let in by whom, and what is said of the others."""
from __future__ import annotations

import os
import random
import re
import signal
import ssl
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from pika import frame, spec

from program import Program, Result
from receive_support import READY, await_ready, lines
from send_support import Feeder, feed, open_pipe, resume_point
from tls_support import (
    NOT_IN_CERTIFICATE,
    Authority,
    Certificate,
    TlsBroker,
    addresses,
    openssl,
    openssl_server,
    silent_server,
    tls_broker,
    tls_url,
    with_certificate,
)

START = 60.0  # seconds for a broker to be there again
WARNING = b"warning: the broker's certificate is not verified"
OUR_NAMES = "DNS:localhost, IP:127.0.0.1, IP:::1"
MANY = 100_000
LARGEST = 16 * 1024 * 1024


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tls")


@pytest.fixture(scope="module")
def authority(folder: Path) -> Authority:
    return Authority(folder, "authority")


@pytest.fixture(scope="module")
def stranger(folder: Path) -> Authority:
    """Nobody trusts it."""
    return Authority(folder, "stranger")


@pytest.fixture(scope="module")
def client(authority: Authority) -> Certificate:
    """A RabbitMQ user's."""
    return authority.sign("client", "DNS:client", user="guest")


@pytest.fixture(scope="module")
def brokers(folder: Path, authority: Authority) -> Iterator[dict[str, TlsBroker]]:
    server = authority.sign("server", OUR_NAMES)

    def start(demand: str) -> TlsBroker:
        config = f"ssl_options.fail_if_no_peer_cert = {demand}"
        return stack.enter_context(tls_broker(folder / f"broker-{demand}", authority, server, config))

    with ExitStack() as stack, ThreadPoolExecutor() as threads:
        yield dict(zip(("lenient", "demanding"), threads.map(start, ("false", "true"))))


@pytest.fixture
def broker(brokers: dict[str, TlsBroker]) -> TlsBroker:
    """Takes clients with a certificate and without."""
    return brokers["lenient"]


@pytest.fixture
def demanding(brokers: dict[str, TlsBroker]) -> TlsBroker:
    """Takes only clients with a certificate."""
    return brokers["demanding"]


@pytest.fixture
def queue() -> str:
    """The name of a queue nobody else uses; it goes with its broker."""
    return f"hello-rabbit-{uuid.uuid4()}"


@pytest.fixture(autouse=True)
def no_settings_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "OPENSSL_CONF"):
        monkeypatch.delenv(name, raising=False)


def use_versions(monkeypatch: pytest.MonkeyPatch, folder: Path, least: str, most: str) -> None:
    """OpenSSL's own configuration: what the programs would speak if they did not choose themselves."""
    config = folder / f"openssl-{least}-{most}.cnf"
    config.write_text(
        "openssl_conf = all\n[all]\nssl_conf = ssl\n[ssl]\nsystem_default = versions\n"
        f"[versions]\nMinProtocol = {least}\nMaxProtocol = {most}\nCipherString = DEFAULT@SECLEVEL=0\n"
    )
    monkeypatch.setenv("OPENSSL_CONF", str(config))


@pytest.fixture(params=["TLSv1.2", "TLSv1.3"])
def version(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, folder: Path) -> str:
    """The only version that the programs speak."""
    use_versions(monkeypatch, folder, request.param, request.param)
    return str(request.param)


def cause(result: Result, program: Program, operation: str, code: int = 77) -> str:
    """What the one line on standard error says behind the operation."""
    assert (result.returncode, result.stdout) == (code, b""), result
    text = result.stderr.decode()
    begin = f"{program.name}: {operation}: "
    assert text.startswith(begin) and text.endswith("\n") and text.count("\n") == 1, text
    return text[len(begin) : -1]


def refusal(program: Program, url: str, *args: str) -> str:
    """Why it is not connected, the certificates being to blame."""
    where = re.sub(r".*@([^/]*)/.*", r"\1", url)
    return cause(program(*args, url=url), program, f"cannot connect to {where}")


def passes(send: Program, receive: Program, queue: str, *args: str, url: str | None = None) -> None:
    """A message, there and back, with nothing said."""
    sent = send("--queue", queue, "over TLS", *args, url=url)
    assert (sent.returncode, sent.stdout, sent.stderr) == (0, b" [x] Sent 'over TLS'\n", b"")
    got = receive("--queue", queue, "--count", "1", "--format", "lines", "--quiet", *args, url=url)
    assert (got.returncode, got.stdout, got.stderr) == (0, b"over TLS\n", b"")


# Who the broker is.


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
def test_a_broker_whose_certificate_is_good(
    send: Program, receive: Program, broker: TlsBroker, authority: Authority, queue: str, host: str
) -> None:
    if host.strip("[]") not in [*addresses(), "localhost"]:
        pytest.skip(f"this machine has no {host}")
    passes(send, receive, queue, url=broker.url(host, cacertfile=authority.pem))


def test_the_version_is_that_of_the_test(either: Program, authority: Authority, version: str) -> None:
    with openssl_server(authority.sign("versions", OUR_NAMES)) as server:
        either.start(url=tls_url("localhost", server.port, cacertfile=authority.pem))
        assert server.version() == version


def test_both_versions(
    send: Program, receive: Program, broker: TlsBroker, authority: Authority, queue: str, version: str
) -> None:
    passes(send, receive, queue, url=broker.url(cacertfile=authority.pem))


def test_the_systems_authorities(
    send: Program,
    receive: Program,
    broker: TlsBroker,
    authority: Authority,
    queue: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.pem))
    passes(send, receive, queue, url=broker.url())


def test_an_authority_that_the_system_does_not_know(either: Program, broker: TlsBroker) -> None:
    assert refusal(either, broker.url()) == (
        "its certificate comes from an authority that is not among the system's; "
        "--tls-ca takes the file of its authority"
    )


def test_another_authority(either: Program, broker: TlsBroker, stranger: Authority) -> None:
    assert refusal(either, broker.url(cacertfile=stranger.pem)) == (
        f"its certificate comes from an authority that is not in '{stranger.pem}'; "
        "--tls-ca takes the file of its authority"
    )


def test_a_refusal_is_not_tried_again(send: Program, broker: TlsBroker, stranger: Authority) -> None:
    assert "authority" in refusal(send, broker.url(cacertfile=stranger.pem), "--retry-for", "3600")


def test_an_address_that_is_not_in_the_certificate(
    either: Program, broker: TlsBroker, authority: Authority
) -> None:
    assert refusal(either, broker.url(NOT_IN_CERTIFICATE, cacertfile=authority.pem)) == (
        f"its certificate is not for the address {NOT_IN_CERTIFICATE}"
    )


def test_a_name_that_is_not_in_the_certificate(
    either: Program, broker: TlsBroker, authority: Authority
) -> None:
    url = broker.url(cacertfile=authority.pem, server_name_indication="rabbit.example")
    assert refusal(either, url) == "its certificate is not for the name 'rabbit.example'"


def test_another_name_to_look_for(
    send: Program, receive: Program, broker: TlsBroker, authority: Authority, queue: str
) -> None:
    query = {"cacertfile": authority.pem, "server_name_indication": "localhost"}
    passes(send, receive, queue, url=broker.url(NOT_IN_CERTIFICATE, **query))


def test_the_name_is_looked_for_though_it_is_not_sent(
    send: Program, broker: TlsBroker, authority: Authority, queue: str
) -> None:
    query = {"cacertfile": authority.pem, "server_name_indication": "disable"}
    assert send("--queue", queue, url=broker.url(**query)).returncode == 0
    assert "not for the address" in refusal(send, broker.url(NOT_IN_CERTIFICATE, **query))


def test_a_certificate_for_another_host(either: Program, authority: Authority) -> None:
    with openssl_server(authority.sign("elsewhere", "DNS:elsewhere.example")) as server:
        reason = refusal(either, tls_url("localhost", server.port, cacertfile=authority.pem))
    assert reason == "its certificate is not for the name 'localhost'"


def test_an_expired_certificate(either: Program, authority: Authority, version: str) -> None:
    with openssl_server(authority.sign("expired", OUR_NAMES, expired=True)) as server:
        reason = refusal(either, tls_url("localhost", server.port, cacertfile=authority.pem))
    assert reason == "its certificate has expired"


@pytest.mark.parametrize("ours", [("TLSv1", "TLSv1.3"), ("TLSv1", "TLSv1.2")])
def test_tls_before_1_2(
    either: Program,
    authority: Authority,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    ours: tuple[str, str],
) -> None:
    old = ("-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0")
    with openssl_server(authority.sign("old", OUR_NAMES), *old) as server:
        use_versions(monkeypatch, folder, *ours)
        reason = refusal(either, tls_url("localhost", server.port, cacertfile=authority.pem))
    assert reason == "it offers no version of TLS from 1.2 on"


def test_verify_none_takes_any_certificate_and_warns(
    either: Program, broker: TlsBroker, queue: str
) -> None:
    url = broker.url(NOT_IN_CERTIFICATE, verify="verify_none")
    args = ["--queue", queue] + (["--drain"] if either.name == "receive" else ["body"])
    result = either(*args, url=url)
    assert result.returncode == 0
    assert result.stderr.startswith(f"{either.name}: ".encode() + WARNING)
    assert result.stderr.count(b"\n") == 1


# Who the client is.


def test_a_certificate_that_the_broker_demands(
    send: Program,
    receive: Program,
    demanding: TlsBroker,
    authority: Authority,
    client: Certificate,
    queue: str,
    version: str,
) -> None:
    passes(send, receive, queue, url=demanding.url(cacertfile=authority.pem, **with_certificate(client)))


def test_certificate_and_key_in_one_file(
    send: Program, demanding: TlsBroker, authority: Authority, client: Certificate, queue: str, tmp_path: Path
) -> None:
    both = tmp_path / "both.pem"
    both.write_bytes(client.key.read_bytes() + client.pem.read_bytes())
    url = demanding.url(cacertfile=authority.pem, certfile=both)
    assert send("--queue", queue, url=url).returncode == 0


@pytest.mark.parametrize("turn", range(5))  # the broker's alert and the client's next words cross
def test_no_certificate_where_the_broker_demands_one(
    either: Program, demanding: TlsBroker, authority: Authority, version: str, turn: int
) -> None:
    assert refusal(either, demanding.url(cacertfile=authority.pem)) == (
        "it asks for a certificate of the client's, and none was given"
    )


def test_a_certificate_of_another_authority(
    either: Program, demanding: TlsBroker, authority: Authority, stranger: Authority, version: str
) -> None:
    wrong = with_certificate(stranger.sign("imposter", "DNS:client", user="guest"))
    reason = refusal(either, demanding.url(cacertfile=authority.pem, **wrong))
    assert reason.startswith("it does not accept the client's certificate: ")
    assert "unknown CA" in reason


def test_an_expired_certificate_of_the_client(
    either: Program, broker: TlsBroker, authority: Authority, version: str
) -> None:
    late = with_certificate(authority.sign("late", "DNS:client", user="guest", expired=True))
    reason = refusal(either, broker.url(cacertfile=authority.pem, **late))
    assert reason == "it does not accept the client's certificate: certificate expired"


@pytest.mark.parametrize("mechanism", ["external", "EXTERNAL"])
def test_login_by_certificate(
    send: Program,
    receive: Program,
    broker: TlsBroker,
    authority: Authority,
    client: Certificate,
    queue: str,
    mechanism: str,
) -> None:
    query = {"cacertfile": authority.pem, "auth_mechanism": mechanism, **with_certificate(client)}
    passes(send, receive, queue, url=broker.url("localhost", "nobody:wrong", **query))


def test_login_by_the_certificate_of_a_user_who_does_not_exist(
    either: Program, broker: TlsBroker, authority: Authority
) -> None:
    nobody = with_certificate(authority.sign("nobody", "DNS:nobody"))
    url = broker.url(cacertfile=authority.pem, auth_mechanism="external", **nobody)
    operation = f"cannot log in to localhost:{broker.port} with the client's certificate"
    assert "ACCESS_REFUSED" in cause(either(url=url), either, operation)


def test_login_by_a_certificate_that_is_not_given(
    either: Program, broker: TlsBroker, authority: Authority
) -> None:
    url = broker.url(cacertfile=authority.pem, auth_mechanism="external")
    operation = f"cannot log in to localhost:{broker.port} without a client's certificate"
    assert "ACCESS_REFUSED" in cause(either(url=url), either, operation)


# Files.


def unusable(program: Program, broker: TlsBroker, **query: str | Path) -> str:
    result = program(url=broker.url(**query))
    assert (result.returncode, result.stdout, result.stderr.count(b"\n")) == (64, b"", 1), result
    return result.stderr.decode().removeprefix(f"{program.name}: cannot use the ").removesuffix("\n")


def test_authorities_that_cannot_be_read(either: Program, broker: TlsBroker, tmp_path: Path) -> None:
    missing, text = tmp_path / "missing.pem", tmp_path / "text.pem"
    text.write_text("no certificate\n")
    result = either(url=broker.url(cacertfile=missing))
    assert cause(result, either, "cacertfile", 66) == f"cannot read '{missing}': No such file or directory"
    assert unusable(either, broker, cacertfile=text) == (
        f"authorities' file '{text}': it holds no certificate in PEM format"
    )


def test_a_key_that_cannot_be_used(
    send: Program, broker: TlsBroker, authority: Authority, client: Certificate, tmp_path: Path
) -> None:
    def error(key: Path) -> str:
        prefix = f"key '{key}': "
        text = unusable(send, broker, cacertfile=authority.pem, certfile=client.pem, keyfile=key)
        assert text.startswith(prefix)
        return text.removeprefix(prefix)

    other = authority.sign("other", "DNS:other").key
    assert error(other) == f"it is not the key of the certificate '{client.pem}'"
    assert error(client.pem) == "it holds no private key in PEM format"
    protected = tmp_path / "protected.key"
    openssl("pkey", "-in", client.key, "-aes256", "-passout", "pass:secret", "-out", protected)
    assert error(protected) == "it is protected by a pass phrase; 'openssl pkey' writes it without"


def test_a_certificate_that_cannot_be_used(send: Program, broker: TlsBroker, client: Certificate) -> None:
    assert unusable(send, broker, certfile=client.key, keyfile=client.key) == (
        f"certificate '{client.key}': it holds no certificate in PEM format"
    )
    assert unusable(send, broker, keyfile=client.key) == (
        f"key '{client.key}': it needs a certificate to go with it"
    )


# Options.


def test_options_do_what_the_url_does(
    send: Program,
    receive: Program,
    demanding: TlsBroker,
    authority: Authority,
    client: Certificate,
    queue: str,
) -> None:
    files = ("--tls-ca", str(authority.pem), "--tls-cert", str(client.pem), "--tls-key", str(client.key))
    args = ("--tls", "--host", "localhost", "--port", str(demanding.port), *files)
    passes(send, receive, queue, *args, url="amqp://guest:guest@nowhere.invalid/%2f")


def test_tls_insecure_takes_any_certificate_and_warns(
    send: Program, broker: TlsBroker, queue: str
) -> None:
    result = send("--queue", queue, "--tls-insecure", url=broker.url(NOT_IN_CERTIFICATE))
    assert result.returncode == 0
    assert result.stderr.startswith(b"send: " + WARNING)
    assert result.stderr.count(b"\n") == 1


@pytest.mark.parametrize("option", ["--tls-ca", "--tls-cert"])
def test_a_file_of_an_option_that_cannot_be_read(
    either: Program, broker: TlsBroker, tmp_path: Path, option: str
) -> None:
    result = either(option, str(tmp_path / "missing"), url=broker.url())
    assert cause(result, either, option, 66).endswith("No such file or directory")


# The wrong port.


def test_tls_on_the_port_without(either: Program, broker: TlsBroker, authority: Authority) -> None:
    url = broker.plain.url.replace("amqp://", "amqps://")
    where = url.split("@")[1].split("/")[0]
    reason = cause(either(url=url), either, f"cannot connect to {where}", 69)
    assert reason == "it does not speak TLS on this port"


def test_no_tls_on_the_port_for_it(either: Program, broker: TlsBroker) -> None:
    result = either(url=f"amqp://guest:guest@localhost:{broker.port}/%2f")
    reason = cause(result, either, f"cannot connect to localhost:{broker.port}", 69)
    assert reason == "this port is for TLS; the URL for it begins with amqps://"


def test_a_server_that_does_not_answer(either: Program) -> None:
    with silent_server() as server:
        port = server.getsockname()[1]
        result = either(url=tls_url("127.0.0.1", port, connection_timeout="300"))
    reason = cause(result, either, f"cannot connect to 127.0.0.1:{port}", 69)
    assert reason == "no TLS handshake within 0.3 s"


def test_a_server_that_goes_in_the_middle_of_the_handshake(either: Program) -> None:
    with silent_server() as server:
        port = server.getsockname()[1]
        process = either.start(url=tls_url("127.0.0.1", port))
        connection, _peer = server.accept()
        with connection:
            assert connection.recv(4096)
        result = process.finish()
    reason = cause(result, either, f"cannot connect to 127.0.0.1:{port}", 69)
    assert reason == "the connection was closed in the middle of the TLS handshake"


def test_an_end_that_comes_together_with_data(either: Program, authority: Authority) -> None:
    """In one segment, so that reading ahead takes both; the TCP connection stays open and shows nothing more."""
    certificate = authority.sign("ending", OUR_NAMES)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.pem, certificate.key)
    came, goes = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = context.wrap_bio(came, goes, server_side=True)

    def until_done(step: Callable[[], object]) -> None:
        while True:
            try:
                step()
                return
            except ssl.SSLWantReadError:
                connection.sendall(goes.read())
                came.write(connection.recv(65536))

    with silent_server() as listening:
        port = listening.getsockname()[1]
        process = either.start(url=tls_url("127.0.0.1", port, cacertfile=authority.pem, connection_timeout="60000"))
        connection, _peer = listening.accept()
        with connection:
            until_done(server.do_handshake)
            until_done(lambda: server.read(8))
            server.write(frame.Method(0, spec.Connection.Start(0, 9, {}, "PLAIN", "en_US")).marshal())
            with pytest.raises(ssl.SSLWantReadError):
                server.unwrap()
            connection.sendall(goes.read())
            result = process.finish()
    reason = cause(result, either, f"cannot connect to 127.0.0.1:{port}", 69)
    assert reason == "the connection was closed by the other side, before the AMQP login was done"


# Afterwards it is a connection like any other.


def test_many_messages(
    send: Program, receive: Program, broker: TlsBroker, authority: Authority, queue: str
) -> None:
    url = broker.url(cacertfile=authority.pem)
    data = lines(b"%d %s" % (number, b"x" * (number % 50)) for number in range(MANY))
    sent = feed(send, data, "--queue", queue, "--lines", "--quiet", url=url, timeout=60)
    assert (sent.returncode, sent.stderr) == (0, b"")
    args = ("--queue", queue, "--count", str(MANY), "--format", "lines", "--quiet")
    got = receive.start(*args, url=url).finish(timeout=60)
    assert (got.returncode, got.stderr) == (0, b"")
    assert got.stdout == data


def test_the_largest_message(
    send: Program, receive: Program, broker: TlsBroker, authority: Authority, queue: str, tmp_path: Path, version: str
) -> None:
    url = broker.url(cacertfile=authority.pem)
    body = random.Random(version).randbytes(LARGEST)
    (tmp_path / "body").write_bytes(body)
    assert send("--queue", queue, "--file", str(tmp_path / "body"), url=url).returncode == 0
    got = receive("--queue", queue, "--count", "1", "--format", "raw", url=url)
    assert got.returncode == 0
    assert got.stdout == body


def test_heartbeats_are_kept_and_missed(
    send: Program, receive: Program, broker: TlsBroker, authority: Authority, queue: str
) -> None:
    url = broker.url(cacertfile=authority.pem, heartbeat="1")
    vm = int((broker.plain.folder / "pid").read_text())
    with open_pipe() as pipe:
        sender = send.start("--queue", queue, "--lines", "--quiet", url=url, stdin=pipe.reading)
        receiver = receive.start("--queue", queue, "--format", "lines", url=url)
        await_ready(receiver)
        receiver.expect_silence(4)  # the broker gives up after two seconds without a heartbeat
        pipe.write(b"still there\n")
        receiver.expect_stdout(b"still there\n")
        os.kill(vm, signal.SIGSTOP)
        try:
            results = [receiver.finish(), sender.finish()]
        finally:
            os.kill(vm, signal.SIGCONT)
    lost = f"lost the connection to localhost:{broker.port}: no heartbeat for 2 seconds\n"
    for program, result in zip((receive, send), results):
        assert result.returncode == 69
        assert f"{program.name}: {lost}".encode() in result.stderr


def test_ctrl_c_ends_a_watch(receive: Program, broker: TlsBroker, authority: Authority, queue: str) -> None:
    process = receive.start("--queue", queue, url=broker.url(cacertfile=authority.pem))
    process.expect_stdout(READY)
    process.interrupt()
    result = process.finish()
    assert (result.returncode, result.stdout, result.stderr) == (0, READY + b"Interrupted\n", b"")


def test_ctrl_c_ends_a_stream(send: Program, broker: TlsBroker, authority: Authority, queue: str) -> None:
    url = broker.url(cacertfile=authority.pem)
    feeder = Feeder(lambda stdin: send.start("--lines", "--queue", queue, stdin=stdin, url=url))
    feeder.wait_for(5000)
    feeder.process.interrupt()
    result = feeder.finish()
    assert (result.returncode, result.stdout) == (130, b"")
    assert resume_point(result) > 1


def test_ctrl_c_ends_a_handshake(either: Program) -> None:
    with silent_server() as server:
        port = server.getsockname()[1]
        process = either.start(url=tls_url("127.0.0.1", port, connection_timeout="3600000"))
        connection, _peer = server.accept()
        with connection:
            connection.settimeout(15)
            assert connection.recv(4096)
            process.interrupt()
            assert process.finish().returncode == (130 if either.name == "send" else 0)  # the end of a watch


def test_a_broker_that_is_killed(
    send: Program, receive: Program, demanding: TlsBroker, authority: Authority, client: Certificate, queue: str
) -> None:
    url = demanding.url(cacertfile=authority.pem, **with_certificate(client))
    args = ("--queue", queue, "--format", "lines")
    receiver = receive.start(*args, url=url)
    patient = receive.start("--queue", f"{queue}-patient", "--format", "lines", "--retry-for", str(START), url=url)
    await_ready(receiver)
    await_ready(patient)
    feeder = Feeder(lambda stdin: send.start("--lines", "--queue", queue, stdin=stdin, url=url))
    feeder.wait_for(2000)
    demanding.run("node", "kill")
    try:
        results = [(receive, receiver.finish()), (send, feeder.finish())]
    finally:
        demanding.run("node", "start")
    line = re.compile(
        rf"lost the connection to localhost:{demanding.port}: "
        r"(the connection was closed by the other side|Connection reset by peer|Broken pipe)"
    )
    for program, result in results:
        assert result.returncode == 69
        said = [text for text in result.stderr.decode().splitlines() if "lost the connection" in text]
        assert len(said) == 1 and line.fullmatch(said[0].removeprefix(f"{program.name}: ")), result.stderr
    assert resume_point(results[1][1]) >= 1
    assert send("--queue", f"{queue}-patient", "again", "--retry-for", "10", url=url).returncode == 0
    patient.expect_stdout(b"again\n", timeout=START)
