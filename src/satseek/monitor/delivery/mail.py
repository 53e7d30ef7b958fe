"""A letter → one mail handed to a mail server, and what came of it.

Does not know what is written in it (`delivering_mail_texts`), nor when it is tried again. The same
letter has the same Message-ID and bytes however often it is sent.
"""

from __future__ import annotations

import logging
import smtplib
import socket
import ssl
from contextlib import suppress
from typing import TYPE_CHECKING

from satseek.errors import InvalidSettings, SatseekError
from satseek.monitor.delivery.channels import is_recipient
from satseek.monitor.delivery.mail_texts import mail_of
from satseek.monitor.delivery.turns import Outcome
from satseek.monitor.findings.pictures import Pictures
from satseek.monitor.tables import FOLDER

if TYPE_CHECKING:
    from satseek.monitor.delivery.channels import Channel
    from satseek.monitor.delivery.rows import Letter
    from satseek.settings import Settings

logger = logging.getLogger(__name__)

_NOBODY = frozenset({550, 551, 553})
"""Replies to a receiver's name: no such mailbox, elsewhere, no name (RFC 5321 4.2.3). All others
may be put right, here or there, while letters wait."""


class MailCourier:
    """Hands letters to a mail server."""

    def __init__(self, settings: Settings) -> None:
        """Take the settings of the mail server and the data; nothing is connected to yet."""
        self._settings = settings
        self._pictures = Pictures(settings.data_dir / FOLDER)

    def check(self, channel: Channel) -> None:
        """Refuse settings by which no mail could be sent.

        Raises:
            InvalidSettings: which is missing.
        """
        settings = self._settings
        if settings.smtp_host is None or settings.smtp_from is None:
            raise InvalidSettings(
                f"smtp_host, smtp_from: expected both for channel {channel.name}, as it is a mail's"
            )
        if not is_recipient(settings.smtp_from):
            raise InvalidSettings(f"smtp_from: expected NAME@HOST, came {settings.smtp_from!r}")
        if (settings.smtp_user is None) != (settings.smtp_password is None):
            raise InvalidSettings("smtp_user, smtp_password: expected both or neither")
        if settings.smtp_user is not None and settings.smtp_security == "none":
            raise InvalidSettings("smtp_security: expected starttls or tls, as a password is sent")

    def carry(self, letter: Letter, channel: Channel) -> Outcome:
        """Send a mail once; whatever goes wrong is told, not raised."""
        try:
            self.check(channel)
            self._send(letter, channel)
        except InvalidSettings as error:
            return Outcome(arrived=False, error=str(error))
        except (OSError, smtplib.SMTPException) as error:  # a certificate's is an OSError, too
            return Outcome(arrived=False, error=_told(error), final=_is_final(error))
        return Outcome(arrived=True)

    def _send(self, letter: Letter, channel: Channel) -> None:
        settings = self._settings
        assert settings.smtp_from is not None, "checked before"
        mail = mail_of(
            letter,
            sender=settings.smtp_from,
            recipient=channel.address,
            language=channel.language,
            image=self._image,
        )
        server = self._opened()
        try:
            if settings.smtp_user is not None and settings.smtp_password is not None:
                server.login(settings.smtp_user, settings.smtp_password.get_secret_value())
            server.sendmail(settings.smtp_from, [channel.address], mail)
        finally:
            with suppress(OSError, smtplib.SMTPException):  # it was taken, or refused, before
                server.quit()
            server.close()

    def _image(self, digest: str) -> bytes | None:
        """Read a picture that was kept; a mail goes without one that is gone."""
        try:
            return self._pictures.read(digest)
        except SatseekError as error:
            logger.warning("alerts: %s", error)
            return None

    def _opened(self) -> smtplib.SMTP:
        """Connect; nothing is sent before the line is safe, unless it need not be."""
        settings = self._settings
        host, port, seconds = settings.smtp_host or "", settings.smtp_port, settings.smtp_timeout_s
        said = socket.gethostname()
        if settings.smtp_security == "tls":
            return smtplib.SMTP_SSL(host, port, said, timeout=seconds, context=self._tls())
        server = smtplib.SMTP(host, port, said, timeout=seconds)
        try:
            if settings.smtp_security == "starttls":
                server.starttls(context=self._tls())
        except BaseException:
            server.close()
            raise
        return server

    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self._settings.smtp_ca_file)


def _is_final(error: Exception) -> bool:
    """Tell whether the server knows no such receiver."""
    return isinstance(error, smtplib.SMTPRecipientsRefused) and all(
        code in _NOBODY for code, _ in error.recipients.values()
    )


def _told(error: Exception) -> str:
    """Say what went wrong on one line; a server's words, never ours."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        said = next(iter(error.recipients.values()), (0, b""))
        return f"the mail server refuses the receiver: {said[0]} {_plain(said[1])}"
    if isinstance(error, smtplib.SMTPResponseException):
        return f"the mail server refuses: {error.smtp_code} {_plain(error.smtp_error)}"
    return f"the mail server: {type(error).__name__}: {_plain(str(error))}"


def _plain(said: bytes | str) -> str:
    text = said.decode("utf-8", errors="replace") if isinstance(said, bytes) else said
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
