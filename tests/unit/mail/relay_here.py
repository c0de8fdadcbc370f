"""A real SMTP server of the test's own: it keeps what it takes, and answers as it is told to."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword, Session

from nonstopay.connectors.mail.smtp import Relay

OK = "250 OK"
TO_MAIL = "pay@gateway.example"


@dataclass
class PostOffice:
    """`answers` are those to the next letters, `refusals` those to the next recipients; then OK.

    With `silent_seconds` it says nothing to the next letter for so long.
    """

    answers: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    offered: int = 0
    silent_seconds: float = 0
    port: int = 0

    @property
    def letters(self) -> list[EmailMessage]:
        return [message_from_bytes(raw, policy=default) for raw in self.raw]

    def relay(self, *, host: str = "127.0.0.1", user: str = "", password: str = "") -> Relay:
        return Relay(host=host, port=self.port, user=user, password=password, sender=TO_MAIL)

    async def handle_RCPT(  # noqa: N802 aiosmtpd calls it by this name
        self, server: Any, session: Session, envelope: Envelope, address: str, options: Any
    ) -> str:
        if self.refusals:
            return self.refusals.pop(0)
        envelope.rcpt_tos.append(address)
        return OK

    async def handle_DATA(  # noqa: N802 aiosmtpd calls it by this name
        self, server: Any, session: Session, envelope: Envelope
    ) -> str:
        self.offered += 1
        silent_seconds, self.silent_seconds = self.silent_seconds, 0
        await asyncio.sleep(silent_seconds)
        answer = self.answers.pop(0) if self.answers else OK
        if answer == OK:
            self.raw.append(cast(bytes, envelope.original_content))
            self.recipients.append(list(envelope.rcpt_tos))
        return answer


@contextmanager
def post_office(
    host: str = "127.0.0.1", login: tuple[str, str] | None = None
) -> Iterator[PostOffice]:
    """An SMTP server on a free port; with `login` it lets nobody else send."""
    office = PostOffice()

    def judge(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        assert login is not None
        assert isinstance(data, LoginPassword)
        right = (data.login.decode(), data.password.decode()) == login
        return AuthResult(success=right, handled=False)

    options: dict[str, Any] = (
        {"authenticator": judge, "auth_required": True, "auth_require_tls": False} if login else {}
    )
    with socket.socket() as probe:  # aiosmtpd takes no free port by itself
        probe.bind((host, 0))
        office.port = probe.getsockname()[1]
    controller = Controller(office, hostname=host, port=office.port, **options)
    controller.start()
    try:
        yield office
    finally:
        controller.stop()
