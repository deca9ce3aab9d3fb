"""Where mail goes that tests send: SMTP's far end."""

import socket
import threading
from io import BufferedRWPair


class Postbox(threading.Thread):
    """As much of an SMTP server (RFC 5321) as takes one mail a connection."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.server.getsockname()[1]
        self.recipients: list[str] = []
        self.mails: list[str] = []

    def run(self) -> None:
        while True:
            try:
                connection, _ = self.server.accept()
            except OSError:
                return
            with connection, connection.makefile("rwb") as stream:
                self.serve(stream)

    def serve(self, stream: BufferedRWPair) -> None:
        def say(text: str) -> None:
            stream.write(f"{text}\r\n".encode())
            stream.flush()

        say("220 postbox")
        for raw in stream:
            verb, _, rest = raw.decode().strip().partition(" ")
            if verb.upper() == "DATA":
                say("354 go on")
                lines = []
                for line in stream:
                    if line == b".\r\n":
                        break
                    lines.append(line.decode())
                self.mails.append("".join(lines))
                say("250 taken")
            elif verb.upper() == "QUIT":
                say("221 bye")
                return
            else:
                if verb.upper() == "RCPT":
                    self.recipients.append(rest)
                say("250 postbox" if verb.upper() != "RSET" else "250 ok")
