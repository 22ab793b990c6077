"""Whom a list means to dial: from whatever a cell holds to one canonical number, or why it is none."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

import phonenumbers
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from sip.line import SipFault
from sip.uri import parse_target
from voicebot.store.number import canonical

_REGION: Final = "CN"
_SIP: Final = re.compile(r"sips?:", re.IGNORECASE)
_WRITTEN: Final = re.compile(r"\+?[0-9 ()./-]+")
_AS_FLOAT: Final = re.compile(r"([0-9]+)\.0+")  # 13800138000.0, by programs that take a column for figures
_SHORTENED: Final = re.compile(r"[0-9](\.[0-9]+)?E\+?[0-9]+", re.IGNORECASE)
_LONGEST: Final = 15  # digits, by E.164
_LONGEST_URI: Final = 255
# Telephones of people. The others are services, and some cost whoever dials them.
_PEOPLE: Final = frozenset(
    {
        PhoneNumberType.MOBILE,
        PhoneNumberType.FIXED_LINE,
        PhoneNumberType.FIXED_LINE_OR_MOBILE,
        PhoneNumberType.VOIP,
        PhoneNumberType.PERSONAL_NUMBER,
    }
)


def dialled(text: str) -> str:
    """The canonical form (`voicebot.store.number`) of a number as people write it (national in China, foreign with +,
    spaces, hyphens, full width) or of a SIP URI. Raises `ValueError` with what is wrong, without the number in it.
    """
    plain = "".join(c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) != "Cf").strip()
    if not plain:
        raise ValueError("missing")
    if _SIP.match(plain) or "@" in plain:
        return _sip(plain)
    plain = plain.removeprefix("tel:")
    if whole := _AS_FLOAT.fullmatch(plain):
        plain = whole[1]
    if _SHORTENED.fullmatch(plain):
        raise ValueError("Excel has shortened it: give the column the format Text and fill it anew")
    if not _WRITTEN.fullmatch(plain):
        raise ValueError("no number: digits are wanted, or sip:user@host")
    digits = sum(c.isdecimal() for c in plain)
    if digits > _LONGEST + 2:  # with the 00 that stands for +
        raise ValueError(f"{digits} digits: a number has at most {_LONGEST}")
    return _telephone(plain)


def _telephone(text: str) -> str:
    try:
        number = phonenumbers.parse(text, _REGION)
    except phonenumbers.NumberParseException:
        raise ValueError("no number that can be dialled") from None
    kind = phonenumbers.number_type(number)
    if kind == PhoneNumberType.UNKNOWN:
        china = number.country_code == 86
        raise ValueError("no number of China; foreign ones begin with +" if china else "no number of its country")
    if kind not in _PEOPLE:
        raise ValueError("a service number, not a person's")
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def _sip(text: str) -> str:
    try:
        uri = parse_target(text)
    except SipFault:
        raise ValueError("no SIP address that is dialled from here: sip:user@host[:port] is wanted") from None
    if len(uri) > _LONGEST_URI:
        raise ValueError(f"a SIP address of more than {_LONGEST_URI} characters")
    return canonical(uri)
