"""The settings of a server process, with the flags of its command on top."""

from pathlib import Path
from typing import TYPE_CHECKING

from phalanx.cli.exit_codes import Exit, Failure

if TYPE_CHECKING:
    from phalanx.config import Settings


def load_settings(
    *,
    host: str | None = None,
    port: int | None = None,
    data: Path | None = None,
    profiles: Path | None = None,
    instruments: Path | None = None,
    open_localhost: bool | None = None,
    quotes: str | None = None,
) -> "Settings":
    """Flag > environment > ``phalanx.toml`` > default. Raises Failure BAD_SETTING.

    ``quotes`` may name its file too: ``replay:FILE``.
    """
    from pydantic import ValidationError

    from phalanx.config import Settings

    file = (quotes or "").removeprefix("replay:")
    replayed = Path(file) if file and file != quotes else None
    flags = {
        "host": host,
        "port": port,
        "data": data,
        "profiles": profiles,
        "instruments": instruments,
        "open_localhost": open_localhost,
        "quotes": quotes if replayed is None else "replay",
        "quotes_file": replayed,
    }
    given = {name: value for name, value in flags.items() if value is not None}
    try:
        # The names are the model's own; which of them are given is known at run time only.
        return Settings(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        name = ".".join(str(part) for part in first["loc"]) or "settings"
        raise Failure(Exit.USAGE, "BAD_SETTING", f"{name}: {first['msg']}") from None
    except ValueError as error:
        raise Failure(Exit.USAGE, "BAD_SETTING", f"phalanx.toml: {error}") from None


def require_loopback(settings: "Settings") -> None:
    """Refuse to be reachable from elsewhere while anybody who reaches us may trade.

    Raises Failure NOT_LOOPBACK.
    """
    if settings.open_localhost and not settings.is_loopback:
        detail = (
            f"refusing to listen on {settings.host}: with --open-localhost nobody is asked who they "
            "are, so the server serves this machine only (127.0.0.1, ::1 or localhost)"
        )
        raise Failure(Exit.NOT_ALLOWED, "NOT_LOOPBACK", detail)


def require_encryption(settings: "Settings") -> None:
    """Refuse to be reachable from other machines over plain http, unless somebody says who ends TLS.

    Raises Failure TLS_NEEDED.
    """
    if settings.is_loopback or settings.tls_certificate is not None:
        return
    if settings.tls_ends_at == "server":
        detail = (
            f"refusing to speak plain http on {settings.host}: give tls_certificate and tls_key, or say "
            'who ends TLS: tls_ends_at = "proxy" (one of trusted_proxies) or "nowhere"'
        )
        raise Failure(Exit.NOT_ALLOWED, "TLS_NEEDED", detail)
