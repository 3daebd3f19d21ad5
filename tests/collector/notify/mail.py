"""A mail server for one test: STARTTLS demanded, one account, one recipient that it does not know (RFC 5321, 3207, 4954)."""

import base64
import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO


@dataclass
class Letter:
    encrypted: bool
    account: str | None
    to: list[str]
    content: bytes


@dataclass
class PostOffice:
    context: ssl.SSLContext
    user: str
    good: str
    port: int = 0
    letters: list[Letter] = field(default_factory=list)


class Session:
    """One connection; each verb is a method, as its answer."""

    def __init__(self, office: PostOffice, connection: socket.socket) -> None:
        self.office, self.connection = office, connection
        self.lines: IO[bytes] = connection.makefile("rb")
        self.encrypted, self.account, self.to = False, "", list[str]()

    def serve(self) -> None:
        with contextlib.suppress(
            OSError, ValueError
        ):  # a client that does not like our certificate goes without a word
            self.say("220 ready")
            while line := self.lines.readline().decode().strip():
                verb = line.split()[0].upper()
                answer = (
                    getattr(self, verb.lower(), lambda _: "250 ok") if self.may(verb) else lambda _: "530 5.7.0 not yet"
                )
                if said := answer(line):
                    self.say(said)
                if verb == "QUIT":
                    break
        self.lines.close()
        self.connection.close()

    def say(self, line: str) -> None:
        self.connection.sendall(f"{line}\r\n".encode())

    def may(self, verb: str) -> bool:
        if verb in ("EHLO", "STARTTLS", "QUIT"):
            return True
        return self.encrypted and (verb == "AUTH" or bool(self.account))

    def ehlo(self, _: str) -> str:
        return "250-here\r\n250 AUTH PLAIN" if self.encrypted else "250-here\r\n250 STARTTLS"

    def starttls(self, _: str) -> str:
        self.say("220 go ahead")
        self.lines.close()
        self.connection = self.office.context.wrap_socket(self.connection, server_side=True)
        self.lines, self.encrypted = self.connection.makefile("rb"), True
        return ""

    def auth(self, line: str) -> str:
        self.account = self.office.user if line.rsplit(maxsplit=1)[-1] == self.office.good else ""
        return "235 ok" if self.account else "535 5.7.8 bad credentials"

    def rcpt(self, line: str) -> str:
        address = line[line.index("<") + 1 : line.index(">")]
        if address.startswith("nobody@"):
            return "550 5.1.1 no such user"
        self.to.append(address)
        return "250 ok"

    def data(self, _: str) -> str:
        self.say("354 go on")
        content = b""
        while (part := self.lines.readline()) not in (b".\r\n", b""):
            content += part[1:] if part.startswith(b"..") else part
        self.office.letters.append(Letter(self.encrypted, self.account, self.to, content))
        return "250 taken"

    def quit(self, _: str) -> str:
        return "221 bye"


@contextmanager
def post_office_open(certificate: tuple[Path, Path], user: str, password: str) -> Iterator[PostOffice]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    office = PostOffice(context, user, base64.b64encode(f"\0{user}\0{password}".encode()).decode())
    threads: list[threading.Thread] = []

    def serve(listening: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listening.accept()
                threads.append(threading.Thread(target=Session(office, connection).serve))
                threads[-1].start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        office.port = int(listening.getsockname()[1])
        threads.append(threading.Thread(target=serve, args=(listening,)))
        threads[0].start()
        try:
            yield office
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join(10)
