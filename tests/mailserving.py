"""A mail server that takes mails, or does not, as a test wants it."""

from __future__ import annotations

import base64
import email
import socketserver
import ssl
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.policy import default
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import EmailMessage
    from pathlib import Path

USER, PASSWORD = "satseek", "not-a-real-password"


@dataclass(slots=True, kw_only=True)
class MailServer:
    """What it got, and how it meets the next ones."""

    mails: list[bytes] = field(default_factory=list)
    """As they came, the dots of SMTP taken off."""
    receivers: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    """Every line of every client but for the mails."""
    refuse_receiver: str = ""
    """Reply to RCPT; empty: it is taken."""
    hang_up: int = 0
    """So many mails are taken and not answered."""
    port: int = 0

    @property
    def read(self) -> list[EmailMessage]:
        return [email.message_from_bytes(one, policy=default) for one in self.mails]


@contextmanager
def mail_serving(  # noqa: C901 - a server in one piece
    *, certificates: Path | None = None
) -> Iterator[MailServer]:
    """Serve on a free port of this machine.

    Args:
        certificates: Folder with ``cert.pem`` and ``key.pem``: offers STARTTLS, and a login then;
            None: neither.
    """
    mail_server = MailServer()

    class Handler(socketserver.StreamRequestHandler):
        timeout = 5
        safe = False

        def handle(self) -> None:
            self._say("220 here")
            while line := self.rfile.readline().decode().strip():
                mail_server.said.append(line)
                if not self._answer(line):
                    return

        def _answer(self, line: str) -> bool:
            match line.split(maxsplit=1)[0].upper():
                case "EHLO":
                    self._say(*self._offers())
                case "STARTTLS":
                    self._say("220 go on")
                    self._wrap()
                case "AUTH":
                    given = base64.b64decode(line.split()[2]).decode()
                    known = given == f"\0{USER}\0{PASSWORD}"
                    self._say("235 welcome" if known else "535 no such user or password")
                case "RCPT":
                    mail_server.receivers.append(line)
                    self._say(mail_server.refuse_receiver or "250 yes")
                case "DATA":
                    return self._take()
                case "QUIT":
                    self._say("221 bye")
                    return False
                case _:
                    self._say("250 yes")
            return True

        def _offers(self) -> list[str]:
            if certificates is None:
                return ["250 here"]
            return ["250-here", "250 AUTH PLAIN" if self.safe else "250 STARTTLS"]

        def _take(self) -> bool:
            self._say("354 go on")
            lines = []
            while (line := self.rfile.readline()) != b".\r\n":
                lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
            mail_server.mails.append(b"".join(lines))
            if mail_server.hang_up:
                mail_server.hang_up -= 1
                return False
            self._say("250 taken")
            return True

        def _say(self, *lines: str) -> None:
            self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())

        def _wrap(self) -> None:
            assert certificates is not None
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificates / "cert.pem", certificates / "key.pem")
            self.request = context.wrap_socket(self.request, server_side=True)
            self.rfile = self.request.makefile("rb")
            self.wfile = self.request.makefile("wb", buffering=0)
            self.safe = True

        def finish(self) -> None:
            super().finish()
            if self.safe:
                self.request.close()

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """Who does not trust the certificate hangs up."""

    server = Server(("127.0.0.1", 0), Handler)
    mail_server.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield mail_server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
