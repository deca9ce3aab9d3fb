"""GET, as fast as a raw socket allows: each request begins with one.

redis-py's client takes 1.6 times a raw GET, its connection alone 1.1 times. The connection still
does what a URL may ask for: passwords, TLS, databases, timeouts.
"""

from collections import deque
from typing import Any

import redis


class Getter:
    """Connections of its own, used last in, first out; for any number of threads.

    Raises redis.ConnectionError or redis.TimeoutError, within twice the connection's timeout.
    """

    def __init__(self, pool: redis.ConnectionPool) -> None:
        self._pool = pool
        # A deque's pop and append are atomic.
        self._idle: deque[Any] = deque()

    def get(self, key: bytes) -> bytes | None:
        command = [b"*2\r\n$3\r\nGET\r\n$%d\r\n%s\r\n" % (len(key), key)]
        try:
            return self._ask(self._idle.pop(), command)
        except IndexError:
            pass
        except redis.ConnectionError:
            # It died while idle, and the others with it: that is no outage yet.
            self._idle.clear()
        return self._ask(self._pool.make_connection(), command)

    def _ask(self, connection: Any, command: list[bytes]) -> bytes | None:
        try:
            if not connection.is_connected:
                connection.connect()
            connection.send_packed_command(command, check_health=False)
            answer = connection.read_response(disable_decoding=True)
        except BaseException:
            # Half an answer may be left in it.
            connection.disconnect()
            raise
        self._idle.append(connection)
        return answer if answer is None else bytes(answer)
