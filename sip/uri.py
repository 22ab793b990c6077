"""SIP addresses: what a person or a file calls a target, checked before anything is sent."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from sip.line import SipFault

# RFC 3261 §25.1, without escapes in the host and without passwords, which nobody dials.
_USER = re.compile(r"(?:[A-Za-z0-9\-_.!~*'()&=+$,;?/#]|%[0-9A-Fa-f]{2})+")
_HOST = re.compile(r"(?!-)[A-Za-z0-9-]+(?<!-)(?:\.(?!-)[A-Za-z0-9-]+(?<!-))*\.?")
_PARAMETERS = re.compile(r"(?:;[A-Za-z0-9\-_.!~*'()%+]+(?:=[A-Za-z0-9\-_.!~*'()%+\[\]/:&$]+)?)*")
_NUMBER = re.compile(r"\+?[0-9*#]{2,32}")
_SEPARATORS = str.maketrans("", "", " -()\u00a0")
_MAX_PORT = 65535
_SHOWN = 60


@dataclass(frozen=True, slots=True)
class SipUri:
    """`sip:user@host:port;parameters`. `port` 0 stands for "not given" (5060, or whatever DNS says)."""

    user: str
    host: str
    port: int = 0
    parameters: str = ""

    def __str__(self) -> str:
        user = f"{self.user}@" if self.user else ""
        return f"sip:{user}{self.authority}{self.parameters}"

    @property
    def authority(self) -> str:
        """`host` or `host:port`."""
        return f"{self.host}:{self.port}" if self.port else self.host

    @property
    def is_address(self) -> bool:
        """The host is an IP address and needs no DNS."""
        try:
            ipaddress.ip_address(self.host.strip("[]"))
        except ValueError:
            return False
        return True

    @classmethod
    def parse(cls, text: str) -> SipUri:
        """Read a URI; raises `SipFault(permanent=True)` with one line that says what is wrong."""
        scheme, colon, rest = text.strip().partition(":")
        if not colon or scheme.lower() != "sip":
            if scheme.lower() == "sips" and colon:
                raise _malformed(text, "sips: is not dialled from here, TLS ends at the SBC; use sip:")
            raise _malformed(text, "it does not begin with sip:")
        user, at, address = rest.rpartition("@")
        if at and not _USER.fullmatch(user):
            raise _malformed(text, "the part before @ is not a SIP user or number")
        authority, semicolon, tail = address.partition(";")
        parameters = semicolon + tail
        if not _PARAMETERS.fullmatch(parameters):
            raise _malformed(text, f"cannot read the parameters {parameters!r}")
        transport = re.search(r";transport=([^;]*)", parameters, re.IGNORECASE)
        if transport and transport[1].lower() != "udp":
            raise _malformed(text, f"transport {transport[1]} is not spoken here, only udp")
        host, port = _split_port(text, authority)
        return cls(user, host, port, parameters)


def parse_target(text: str, *, trunk_host: str = "") -> str:
    """Whom to dial: "sip:user@host:port" or a plain number (digits, +86…, with spaces or hyphens), as a SIP URI.

    `trunk_host`: "host" or "host:port" that plain numbers are sent to. Raises `SipFault(permanent=True)` with one
    clear line.
    """
    target = text.strip()
    if target.lower().startswith("tel:"):
        target = target[4:]
    number = target.translate(_SEPARATORS)
    if _NUMBER.fullmatch(number):
        if not trunk_host:
            raise SipFault(
                f"{_shown(text)} is a plain number, and no trunk is set to send it to: give sip:{number}@HOST",
                permanent=True,
            )
        return str(SipUri.parse(f"sip:{number}@{trunk_host}"))
    if ":" not in target and "@" not in target:
        raise _malformed(text, "it is neither a number nor sip:user@host:port")
    uri = SipUri.parse(target)
    if not uri.user:
        raise _malformed(text, "nobody is named: write sip:NUMBER@HOST")
    return str(uri)


def user_of(uri: str) -> str:
    """Who a SIP URI names, "" where it names nobody or is none."""
    try:
        return SipUri.parse(uri).user
    except SipFault:
        return ""


def _split_port(text: str, authority: str) -> tuple[str, int]:
    if authority.startswith("["):
        host, bracket, tail = authority.partition("]")
        host += bracket
        try:
            ipaddress.IPv6Address(host[1:-1])
        except ValueError:
            raise _malformed(text, f"{host} is not an IPv6 address") from None
        colon, digits = tail[:1], tail[1:]
    else:
        host, colon, digits = authority.partition(":")
        if not _HOST.fullmatch(host):
            raise _malformed(text, f"{host!r} is not a host" if host else "no host is given")
        if re.fullmatch(r"[0-9.]+", host):
            try:
                ipaddress.IPv4Address(host)
            except ValueError:
                raise _malformed(text, f"{host} is not an IPv4 address") from None
    if not colon:
        return host, 0
    if colon != ":" or not re.fullmatch(r"[0-9]{1,5}", digits) or not 0 < int(digits) <= _MAX_PORT:
        raise _malformed(text, f"{digits or 'nothing'} is not a port (1-{_MAX_PORT})")
    return host, int(digits)


def _shown(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")


def _malformed(text: str, why: str) -> SipFault:
    return SipFault(f"not a SIP address: {_shown(text)}: {why}", permanent=True)
