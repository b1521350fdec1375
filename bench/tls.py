"""A TLS listener for the broker that scripts/bench starts. Clients trust its certificate by SSL_CERT_FILE."""
import os
import socket
import subprocess

from contestants import BUILD

FOLDER = BUILD / 'bench/tls'


def free_port():
    with socket.create_server(('127.0.0.1', 0)) as listener:
        return listener.getsockname()[1]


def broker_options():
    """For scripts/broker; sets SSL_CERT_FILE, and what tls_url() needs, for the processes to come."""
    FOLDER.mkdir(exist_ok=True)
    key, certificate = str(FOLDER / 'key.pem'), str(FOLDER / 'certificate.pem')
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost',
                    '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', certificate],
                   stderr=subprocess.DEVNULL, check=True)
    port = free_port()
    os.environ.update(SSL_CERT_FILE=certificate, BENCH_TLS_PORT=str(port))
    lines = [f'listeners.ssl.1 = 127.0.0.1:{port}', f'ssl_options.cacertfile = {certificate}',
             f'ssl_options.certfile = {certificate}', f'ssl_options.keyfile = {key}', 'ssl_options.verify = verify_none']
    return [argument for line in lines for argument in ('--config', line)]


def tls_url():
    return f'amqps://guest:guest@127.0.0.1:{os.environ["BENCH_TLS_PORT"]}/%2f'
