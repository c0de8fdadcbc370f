"""Mail by SMTP to the operator's own relay, which queues and delivers it (RFC 5321, RFC 6409).

The connection is encrypted: from the first byte on port 465 (RFC 8314), elsewhere by STARTTLS, which
is demanded, not hoped for. Only a relay on this machine itself is spoken to in clear.
"""

import html
import re
from dataclasses import dataclass, field
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

import aiosmtplib

from nonstopay import clock
from nonstopay.config import Settings
from nonstopay.connectors.mail import Letter, Outcome, Verdict
from nonstopay.store.db import forbid_transaction

TIMEOUT_SECONDS = 20
PROBLEM_MAX = 200
_TLS_PORT = 465
_HERE = frozenset({"127.0.0.1", "::1", "localhost"})
_LINK = re.compile(r"https?://[^\s&<>\"']+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Relay:
    """The operator's mail server.

    Attributes:
        user, password: for SMTP AUTH; empty: none.
        sender: our address, as people see it.
    """

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    sender: str

    async def send(self, letter: Letter) -> Outcome:
        """Hand one letter over. Whatever happens on the way is an outcome.

        Silence after the letter's last byte is `LATER`: it may have been taken, so a person may get
        it twice, under one Message-ID.

        Raises:
            TransactionOpen: the caller holds a database transaction.
        """
        forbid_transaction("sending mail")
        try:
            message = self._message(letter)
        except (ValueError, IndexError, MessageError):  # the three ways `email` refuses an address
            return Outcome(Verdict.REFUSED, "its address or subject is not one")
        here = self.host in _HERE
        try:
            await aiosmtplib.send(
                message,
                sender=self.sender,
                recipients=[letter.recipient],
                hostname=self.host,
                port=self.port,
                username=self.user or None,
                password=self.password or None,
                use_tls=self.port == _TLS_PORT,
                start_tls=self.port != _TLS_PORT and not here,
                timeout=TIMEOUT_SECONDS,
            )
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            return _failure(error)
        return Outcome(Verdict.ACCEPTED)

    def _message(self, letter: Letter) -> EmailMessage:
        """Raises what `email` raises for line breaks in headers and for what is no address."""
        message = EmailMessage(policy=SMTP)
        message["From"] = Address("nonstopay", addr_spec=self.sender)
        message["To"] = Address(addr_spec=letter.recipient)
        message["Subject"] = letter.subject
        message["Date"] = format_datetime(clock.now())
        message["Message-ID"] = f"<{letter.id}@{Address(addr_spec=self.sender).domain}>"
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: holiday replies stay away
        # Quoted-printable whatever the text: a lone CR or LF in it must not reach the wire, where
        # some servers take it for the end of a line (SMTP smuggling).
        message.set_content(letter.text, cte="quoted-printable")
        message.add_alternative(as_html(letter.text), subtype="html", cte="quoted-printable")
        return message


def relay(settings: Settings) -> Relay | None:
    """The relay that is configured, if one is."""
    if not settings.smtp_host:
        return None
    return Relay(
        host=settings.smtp_host,
        port=settings.smtp_port,
        user=settings.smtp_user,
        password=settings.smtp_password,
        sender=settings.mail_from,
    )


def as_html(text: str) -> str:
    """The text as HTML: paragraphs and links, nothing else."""
    linked = _LINK.sub(r'<a href="\g<0>">\g<0></a>', html.escape(text, quote=False))
    paragraphs = "".join(f"<p>{one.replace(chr(10), '<br>')}</p>" for one in linked.split("\n\n"))
    return f"<!doctype html><html><body>{paragraphs}</body></html>"


def _failure(error: Exception) -> Outcome:
    """5xx for this recipient or this letter is final (RFC 5321, 4.2.1).

    5xx for our own login or sender is not: that is the operator's to put right, and the letter waits.
    """
    match error:
        case aiosmtplib.SMTPRecipientsRefused(
            recipients=[aiosmtplib.SMTPRecipientRefused() as one]
        ):
            return _answered(one.code, one.message)
        case aiosmtplib.SMTPDataError(code=code, message=words):
            return _answered(code, words)
        case aiosmtplib.SMTPResponseException(code=code, message=words):
            return Outcome(Verdict.LATER, f"{code} {words}"[:PROBLEM_MAX])
        case aiosmtplib.SMTPNotSupported():
            return Outcome(Verdict.LATER, str(error)[:PROBLEM_MAX])
    return Outcome(Verdict.LATER, (str(error) or type(error).__name__)[:PROBLEM_MAX])


def _answered(code: int, words: str) -> Outcome:
    verdict = Verdict.REFUSED if 500 <= code < 600 else Verdict.LATER
    return Outcome(verdict, f"{code} {words}"[:PROBLEM_MAX])
