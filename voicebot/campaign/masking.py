"""Numbers, names and account data as those see them who need not know them 脱敏 (docs/domain.md §3.13)."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any, Final

import phonenumbers

# Who may see contacts' data in the clear, if he asks for it.
SEES: Final = frozenset({"supervisor", "compliance", "admin"})
HIDDEN: Final = "***"
_STAR: Final = "*"
_SIP: Final = re.compile(r"(?P<scheme>sips?:)(?:(?P<user>[^@]*)@)?(?P<host>.*)", re.IGNORECASE)
_PLAIN: Final = re.compile(r"\+?[0-9]+")
_FIGURES: Final = re.compile(r"\+?[0-9]{7,}")
# Values of these types say who or how much; of the others (date, time, choice, title) nobody is known by them.
_TOLD_IN_PART: Final = {"digits": 4}
_PRIVATE: Final = frozenset({"money", "percent", "integer", "text"})


def may_see(roles: Collection[str]) -> bool:
    """Whether one of these roles may see contacts' data unmasked."""
    return not SEES.isdisjoint(roles)


def shown_number(number: str) -> str:
    """A canonical number as it is dialled in China: "13800138000", "010 6555 1234"; all others as they are."""
    if not number.startswith("+86"):
        return number
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return number
    if phonenumbers.number_type(parsed) == phonenumbers.PhoneNumberType.MOBILE:
        return phonenumbers.national_significant_number(parsed)
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.NATIONAL)


def mask_number(number: str) -> str:
    """A number or SIP URI, or what a list has in its place, with its middle hidden: "138****8000", "010****1234",
    "+14****2671", "sip:w***@gateway.example". What is no number at all shows at most its first character.
    """
    text = number.strip()
    if sip := _SIP.fullmatch(text):
        if sip["user"] is None:  # a host alone; or somebody forgot the @, and the name is in its place
            return f"{sip['scheme'].lower()}{_begun(sip['host'])}"
        user = mask_number(sip["user"]) if _PLAIN.fullmatch(sip["user"]) else _begun(sip["user"])
        return f"{sip['scheme'].lower()}{user}@{_host(sip['host'])}"
    digits = "".join(shown_number(text).split())
    if not _PLAIN.fullmatch(digits):
        return _begun(text)
    head, tail = _kept(len(digits))
    return digits[:head] + _STAR * 4 + digits[len(digits) - tail :] if head else HIDDEN


def masked_ref(ref: str, number: str) -> str:
    """The firm's key of a client, which says nothing to others; unless it is the client's number."""
    digits = "".join(c for c in shown_number(number) if c.isdecimal())
    return mask_number(ref) if digits and digits in "".join(c for c in ref if c.isdecimal()) else ref


def mask_name(name: str) -> str:
    """The surname, or its first character: "王**", "J*****" (never more than six characters in all)."""
    text = name.strip()
    return text[:1] + _STAR * min(max(len(text) - 1, 1), 5) if text else ""


def mask_value(type_: str, value: str) -> str:
    """A slot's canonical value by its type (`voicebot.flow.values`): names by `mask_name`, digits by their last four,
    figures and free text not at all; dates, times, choices and titles stay.
    """
    if not value:
        return ""
    if type_ == "name":
        return mask_name(value)
    if tail := _TOLD_IN_PART.get(type_):
        return HIDDEN + value[-tail:] if len(value) >= 2 * tail else HIDDEN
    return HIDDEN if type_ in _PRIVATE else value


def scrubbed(value: Any) -> Any:
    """Evidence or a note without long figures in its texts (numbers, accounts): seven digits in a row and more. None
    should be there; what people type into notes cannot be foreseen.
    """
    if isinstance(value, str):
        return _FIGURES.sub(lambda found: mask_number(found[0]), value)
    if isinstance(value, dict):
        return {key: scrubbed(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [scrubbed(part) for part in value]
    return value


def _kept(length: int) -> tuple[int, int]:
    """How many digits are shown at both ends: always less than what is hidden but for the usual 3 + 4 of 11."""
    if length >= 11:
        return 3, 4
    if length >= 7:
        return 2, 2
    return (1, 1) if length >= 4 else (0, 0)


def _host(host: str) -> str:
    """Where a call goes says nothing about a client; but parameters may, and a second address may hide in it."""
    return re.split(r"[;?>@\s]", host, maxsplit=1)[0]


def _begun(text: str) -> str:
    return text[:1] + HIDDEN if text else ""
