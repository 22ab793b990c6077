"""SIP status codes as causes: what RFC 3261 §21 and DOMAIN facts (Q.850 → SIP) mean for an outbound call."""

from __future__ import annotations

from sip.line import Cause

_CAUSES = {
    401: Cause.REJECTED,  # our credentials did not satisfy
    402: Cause.REJECTED,
    403: Cause.REJECTED,
    404: Cause.WRONG_NUMBER,
    407: Cause.REJECTED,
    408: Cause.NO_ANSWER,
    410: Cause.WRONG_NUMBER,
    480: Cause.NO_ANSWER,
    482: Cause.UNREACHABLE,  # the network turns in a circle
    483: Cause.UNREACHABLE,
    484: Cause.WRONG_NUMBER,
    485: Cause.WRONG_NUMBER,
    486: Cause.BUSY,
    487: Cause.NO_ANSWER,  # somebody in the network gave up; our own CANCEL is known before this table is asked
    505: Cause.FAULT,
    513: Cause.FAULT,
    600: Cause.BUSY,
    603: Cause.REJECTED,
    604: Cause.WRONG_NUMBER,
    606: Cause.FAULT,
    607: Cause.REJECTED,  # unwanted, RFC 8197
    608: Cause.REJECTED,  # a blocking service, RFC 8688
}


def cause_of(code: int) -> Cause:
    """What a final SIP status (300–699; 0: none came) says about a call that was never answered.

    Not in the table: other 4xx are a disagreement about the protocol (400, 415, 420, 488 …), so our own fault;
    other 5xx are a broken network; other 6xx are a refusal; redirections are not followed: the callee was not reached.
    """
    known = _CAUSES.get(code)
    if known is not None:
        return known
    if 400 <= code < 500:
        return Cause.FAULT
    if 600 <= code < 700:
        return Cause.REJECTED
    return Cause.UNREACHABLE
