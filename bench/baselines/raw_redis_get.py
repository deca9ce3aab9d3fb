"""One GET on an open socket, parsed by hiredis: the least that looking up a token can cost."""

import socket
from collections.abc import Callable

import hiredis


def raw_get(port: int, key: bytes, *, database: int) -> Callable[[], bytes]:
    """A function that asks for `key` once."""
    connection = socket.create_connection(("127.0.0.1", port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    reader = hiredis.Reader()
    connection.sendall(b"SELECT %d\r\n" % database)
    connection.recv(64)
    command = b"*2\r\n$3\r\nGET\r\n$%d\r\n%s\r\n" % (len(key), key)

    def get() -> bytes:
        connection.sendall(command)
        reader.feed(connection.recv(65536))
        return bytes(reader.gets())

    return get
