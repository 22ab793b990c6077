"""One spelling for one telephone, so that the do-not-call list knows it however it was dialled."""

from __future__ import annotations

import re

import phonenumbers

_SIP = re.compile(r"<?(?:sips?:)(?:(?P<user>[^@;>:]+)[^@]*@)?(?P<host>[^;>?\s]+)", re.IGNORECASE)


def canonical(target: str, region: str = "CN") -> str:
    """A number or a SIP URI with a number in it → E.164 ("+8613800138000"); any other SIP URI → "sip:user@host[:port]"
    in lower case; anything else as it is, without spaces. `region`: whose national numbers are meant.
    """
    text = target.strip()
    sip = _SIP.match(text)
    dialled = sip["user"] or "" if sip else text
    try:
        number = phonenumbers.parse(dialled, region)
    except phonenumbers.NumberParseException:
        number = None
    if number is not None and phonenumbers.is_valid_number(number):
        return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    if sip:
        return f"sip:{dialled}@{sip['host']}".lower() if dialled else f"sip:{sip['host']}".lower()
    return "".join(text.split()).lower()
