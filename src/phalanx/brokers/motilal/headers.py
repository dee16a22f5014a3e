"""The headers that every request has. Content-Type is whoever's writes the body."""

import platform
from uuid import NAMESPACE_URL, uuid5

from phalanx import __version__
from phalanx.brokers.motilal.credentials import Credentials
from phalanx.brokers.motilal.settings import LoginSettings
from phalanx.domain.secrets import Secret


def headers_of(
    settings: LoginSettings,
    credentials: Credentials,
    auth_token: Secret | None = None,
    access_token: Secret | None = None,
) -> dict[str, str]:
    """In the order of the documents; a token that is not known yet is left out."""
    found = {"Accept": "application/json", "User-Agent": "MOSL/V.1.1.0"}
    if auth_token is not None:
        found["Authorization"] = auth_token.reveal()
    found["ApiKey"] = credentials.api_key.reveal()
    found["apisecretkey"] = credentials.api_secret.reveal()
    if access_token is not None:
        found["accesstoken"] = access_token.reveal()
    return found | {
        "ClientLocalIp": settings.local_ip,
        "ClientPublicIp": settings.public_ip,
        "MacAddress": settings.mac_address,
        "SourceId": "DESKTOP",
        "vendorinfo": settings.vendor_info or credentials.user,
        "osname": platform.system() or "unknown",
        "osversion": platform.release() or "unknown",
        "devicemodel": platform.machine() or "unknown",
        "manufacturer": "Phalanx",
        "productname": "Phalanx",
        "productversion": __version__,
        "installedappid": settings.installed_app_id or _app_id(settings),
    }


def _app_id(settings: LoginSettings) -> str:
    """One has to be there (MO2020), and to stay the same: of what the machine is known by there."""
    return str(uuid5(NAMESPACE_URL, f"{settings.mac_address} {settings.public_ip}"))
