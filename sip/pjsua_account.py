"""Our identity on the trunk: the account, its registration, and what it passes on of incoming calls.

Belongs to the SIP thread (`sip.pjsua_thread`), which has the rules of lifetime.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from time import monotonic
from typing import Any

import pjsua2 as pj

from sip.line import SipFault, TrunkOptions
from sip.pjsua_callback import callback
from sip.uri import SipUri

log = logging.getLogger(__name__)

RTP_RANGE = 100  # ports from `rtp_port` on; two a call, and those of slots not yet free
REGISTER_AGAIN_S = 30
UNREGISTER_TIMEOUT_S = 1.0


class SipAccount(pj.Account):  # type: ignore[misc]  # pjsua2 has no types
    """Our identity on the trunk. `incoming` gets pjsua's number of each call that rings here and the URI
    that its caller dialled.

    `registration` is the last REGISTER's status and reason, None until it is answered.
    """

    def __init__(self, incoming: Callable[[int, str], None]) -> None:
        super().__init__()
        self.incoming = incoming
        self.line_id = "-"
        self.broken = False
        self.registration: tuple[int, str] | None = None

    @callback
    def onIncomingCall(self, prm: Any) -> None:  # noqa: N802  # pjsua2's names here and below
        """An INVITE arrived."""
        # The request's own line ("INVITE sip:user@host SIP/2.0"): a proxy on the way may leave another name in To.
        request = str(prm.rdata.wholeMsg).partition("\r\n")[0].split(" ")
        self.incoming(int(prm.callId), request[1] if len(request) > 1 else "")

    @callback
    def onRegState(self, prm: Any) -> None:  # noqa: N802
        """The registrar answered, or nobody did."""
        self.registration = (int(prm.code), str(prm.reason))
        if prm.code // 100 != 2:
            log.warning("action=register code=%s reason=%s", prm.code, prm.reason)

    def await_registration(self, registrar: str, pump: Callable[[], None], timeout_s: float) -> None:
        """Pump events until the registrar answered; raises `SipFault`, permanent where it refused us.

        `pump` handles the library's events for some milliseconds.
        """
        until = monotonic() + timeout_s
        while self.registration is None and monotonic() < until:
            pump()
        code, reason = self.registration or (408, "no answer")
        if code // 100 != 2:
            refused = code in (401, 403, 404, 407)
            raise SipFault(f"registration at {registrar} failed: {code} {reason}", permanent=refused)

    def unregister(self, pump: Callable[[], None]) -> None:
        """Take the registration back, and pump events until that is confirmed or `UNREGISTER_TIMEOUT_S` are over."""
        self.registration = None
        try:
            self.setRegistration(False)
        except pj.Error:  # it was never accepted, so there is nothing to take back
            return
        until = monotonic() + UNREGISTER_TIMEOUT_S
        while self.registration is None and monotonic() < until:
            pump()


def account_config(options: TrunkOptions, uri: str, transport_id: int) -> Any:
    """An `AccountConfig` for `uri`, this endpoint's own address, or our address at the registrar.

    Raises `SipFault` (permanent) for a registrar or proxy that is no SIP address.
    """
    config = pj.AccountConfig()
    config.idUri = uri
    config.sipConfig.transportId = transport_id
    if options.registrar:
        registrar = SipUri.parse(options.registrar)
        config.idUri = f"sip:{options.user}@{registrar.authority}"
        config.regConfig.registrarUri = str(registrar)
        config.regConfig.retryIntervalSec = REGISTER_AGAIN_S
    if options.username:
        credentials = pj.AuthCredInfo("digest", "*", options.username, 0, options.password)
        config.sipConfig.authCreds.append(credentials)
    if options.proxy:
        proxy = str(SipUri.parse(options.proxy))
        config.sipConfig.proxies.append(proxy if ";lr" in proxy else f"{proxy};lr")
    media = config.mediaConfig.transportConfig
    media.port = options.rtp_port
    if options.rtp_port:
        media.portRange = RTP_RANGE
    if options.bind != "0.0.0.0":  # noqa: S104  # compared, not bound
        media.boundAddress = media.publicAddress = options.bind
    return config
