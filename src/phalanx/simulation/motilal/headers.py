"""The headers that every REST call has to carry, each with the code that says it is missing or wrong."""

import re
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from typing import Final, TypeAlias

from phalanx.simulation.motilal.refusals import Refused

Headers: TypeAlias = Mapping[str, str]

SOURCES: Final = ("WEB", "MOBILE", "DESKTOP")
MANUFACTURER_MAX: Final = 25
TEXT_MAX: Final = 50

_MAC: Final = re.compile(r"[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}")
_IMEI: Final = re.compile(r"[0-9]{15}")


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _is_text(text: str) -> bool:
    return 0 < len(text) <= TEXT_MAX


def _is_degrees(text: str) -> bool:
    return re.fullmatch(r"-?[0-9]{1,3}(\.[0-9]+)?", text) is not None


ALWAYS: Final[tuple[tuple[str, str, Callable[[str], bool]], ...]] = (
    ("accept", "MO2003", lambda text: text == "application/json"),
    ("user-agent", "MO2004", lambda text: text.startswith("MOSL/")),
    ("apikey", "MO2005", _is_text),
    ("apisecretkey", "MO2006", _is_text),
    ("macaddress", "MO2008", lambda text: _MAC.fullmatch(text) is not None),
    ("clientlocalip", "MO2009", _is_address),
    ("clientpublicip", "MO2010", _is_address),
    ("sourceid", "MO2011", lambda text: text in SOURCES),
    ("vendorinfo", "MO2012", _is_text),
    ("osname", "MO2014", _is_text),
    ("osversion", "MO2015", _is_text),
    ("devicemodel", "MO2016", _is_text),
    ("manufacturer", "MO2017", lambda text: 0 < len(text) <= MANUFACTURER_MAX),
    ("productname", "MO2018", _is_text),
    ("productversion", "MO2019", _is_text),
)
BY_SOURCE: Final[tuple[tuple[str, str, tuple[str, ...], Callable[[str], bool]], ...]] = (
    ("installedappid", "MO2020", ("DESKTOP", "MOBILE"), _is_text),
    ("imeino", "MO2021", ("MOBILE",), lambda text: _IMEI.fullmatch(text) is not None),
    ("browsername", "MO2022", ("WEB",), _is_text),
    ("browserversion", "MO2023", ("WEB",), _is_text),
)
IF_SENT: Final[tuple[tuple[str, str, Callable[[str], bool]], ...]] = (
    ("latitude", "MO2024", _is_degrees),
    ("longitude", "MO2025", _is_degrees),
    ("sdkversion", "MO2026", _is_text),
)
"""The broker's SDKs send these; its papers do not ask for them."""


def check_headers(headers: Headers) -> None:
    """Raises Refused with the code of the first header that is missing or wrong. Names are in small letters."""
    for name, code, is_good in ALWAYS:
        if not is_good(headers.get(name, "")):
            raise Refused(code)
    source = headers["sourceid"]
    for name, code, sources, is_good in BY_SOURCE:
        if source in sources and not is_good(headers.get(name, "")):
            raise Refused(code)
    for name, code, is_good in IF_SENT:
        if name in headers and not is_good(headers[name]):
            raise Refused(code)
