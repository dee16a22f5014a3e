"""The settings of one process: flag > environment ``PHALANX_*`` > ``phalanx.toml`` > default."""

import ssl
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_DEFAULT_PORTS = {"http": 80, "https": 443}
_RATE = r"^([1-9][0-9]{0,8}/(second|minute|hour))?$"


class Settings(BaseSettings):
    """Unknown names are refused, so that a misspelt setting is noticed.

    ``data``: the data folder, made when it is not there. ``open_localhost``: no logins, loopback
    only. ``docs_open`` and ``metrics_open``: ``/docs`` and ``/metrics`` ask nobody who they are. ``kek``:
    where the key comes from that seals what is secret: ``file:PATH``, ``env:NAME`` or ``command:WORDS``; by
    default a file in the data folder, made when it is not there. ``kek_older``: sources of older keys that
    still open, between commas. ``opening_cash``: what an imported user's paper account starts with, as plain
    decimal text. ``quotes``: prices stay at the last closes, walk from them, or are those of ``quotes_file``,
    a CSV of past days, again; every ``quotes_interval_ms`` they move. Or they are the market's, from
    ``broadcast``: ``tcp://HOST:PORT``, ``ws://…`` or ``wss://…``, the last with a certificate that is
    signed by an authority of ``broadcast_ca``, by default one that the system trusts; ``broadcast_code`` is
    the client code that logs in there, ``broadcast_scrips`` how many instruments it may register. What it
    does not tell is asked for, at most ``last_prices_per_s`` a second.
    ``quote_seed`` decides the synthetic prices and the walk. Every account's book at its broker is read
    about once in ``reconcile_interval_s``. ``stub_broker`` is the URL of a stub broker's server, known to
    accounts as broker ``stub``, of ``stub_kind``; a request reaches it ``stub_late_ms`` after it was
    written at the latest. Over https it is believed when its certificate is signed by an authority of
    ``stub_broker_ca``, by default one that the system trusts; connections to it leave from
    ``stub_broker_source``, an address of this machine. ``motilal_logins``: a file of logins at Motilal Oswal,
    for accounts of broker ``motilal`` (docs/motilal.md). A file whose name is empty is none.

    ``tls_certificate`` and ``tls_key``: PEM files, with which the server speaks https; ``tls_ends_at`` says
    who does where they are not there and other machines reach it: a proxy of ``trusted_proxies``, or nobody.
    ``ca``: whose signature the CLI takes for its server's certificate. ``trusted_proxies``: the addresses
    and networks whose ``X-Forwarded-For`` is believed, with commas. ``cors_origins``: origins whose pages
    may ask, exactly as a browser names them. ``alert_hosts_allowed``: what a webhook may reach over
    http and within private networks, with commas: HOST at ports 443 and 80, HOST:PORT at that port only.
    The rates are like ``600/minute``; an empty one is none.
    """

    model_config = SettingsConfigDict(
        env_prefix="PHALANX_", toml_file="phalanx.toml", extra="forbid", frozen=True
    )

    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65_535)
    data: Path = Path("phalanx-data")
    profiles: Path | None = None
    instruments: Path | None = None
    open_localhost: bool = False
    docs_open: bool = True
    metrics_open: bool = False
    kek: str = ""
    kek_older: str = ""
    opening_cash: str = "1000000"
    quotes: Literal["closes", "walk", "replay", "broadcast"] = "closes"
    quotes_file: Path | None = None
    quotes_interval_ms: int = Field(default=1_000, ge=20, le=3_600_000)
    broadcast: str = ""
    broadcast_ca: Path | None = None
    broadcast_code: str = Field(default="", pattern=r"^[A-Za-z0-9]{0,15}$")
    broadcast_scrips: int = Field(default=200, ge=1, le=5_000)
    last_prices_per_s: int = Field(default=5, ge=1, le=100)
    quote_seed: int = Field(default=0, ge=0)
    reconcile_interval_s: int = Field(default=60, ge=1, le=86_400)
    stub_broker: str = Field(default="", pattern=r"^(https?://[^/?#@\s]+/?)?$")
    stub_broker_ca: Path | None = None
    stub_broker_source: str = ""
    stub_kind: Literal["D", "L", "N"] = "L"
    stub_late_ms: int = Field(default=20_000, ge=0, le=3_600_000)
    motilal_logins: Path | None = None
    snapshot_after_events: int = Field(default=50_000, ge=0)
    views_wait_s: float = Field(default=2.0, gt=0, le=60)
    log_level: str = Field(default="info", pattern="^(debug|info|warning|error)$")
    server: str = "http://127.0.0.1:8080"
    ca: Path | None = None
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    tls_ends_at: Literal["server", "proxy", "nowhere"] = "server"
    trusted_proxies: str = ""
    cors_origins: str = ""
    alert_hosts_allowed: str = ""
    rate_per_key: str = Field(default="50000/second", pattern=_RATE)
    rate_per_address: str = Field(default="50000/second", pattern=_RATE)
    rate_failures_per_address: str = Field(default="600/minute", pattern=_RATE)

    @field_validator(
        *("profiles", "instruments", "quotes_file", "broadcast_ca", "stub_broker_ca"),
        "motilal_logins",
        *("ca", "tls_certificate", "tls_key"),
        mode="before",
    )
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        # As a path an empty text would be the folder that the server was started in.
        return None if value == "" else value

    @field_validator("stub_broker")
    @classmethod
    def _names_a_host(cls, value: str) -> str:
        try:
            parts = urlsplit(value)
            is_good = not value or bool(parts.hostname and parts.port != 0)
        except ValueError:
            is_good = False
        if not is_good:
            raise ValueError(f"{value!r} has no host, or no port from 1 to 65535")
        return value

    @field_validator("broadcast")
    @classmethod
    def _is_a_broadcast(cls, value: str) -> str:
        try:
            parts = urlsplit(value)
            is_good = bool(parts.hostname) and parts.port != 0 and "@" not in parts.netloc
            is_good = is_good and (parts.scheme in {"ws", "wss"} or _is_tcp(value))
        except ValueError:
            is_good = False
        if value and not is_good:
            raise ValueError(f"{value!r} is none of tcp://HOST:PORT, ws://HOST and wss://HOST")
        return value

    @field_validator("broadcast_ca", "stub_broker_ca")
    @classmethod
    def _has_certificates(cls, value: Path | None) -> Path | None:
        if value is not None:
            try:
                ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(value)
            except OSError as error:
                raise ValueError(f"no certificates in {value}: {error.strerror}") from None
        return value

    @field_validator("stub_broker_source")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        if value:
            ip_address(value)
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, value: str) -> str:
        for one in _parts(value):
            ip_network(one)
        return value

    @field_validator("cors_origins")
    @classmethod
    def _are_origins(cls, value: str) -> str:
        for one in _parts(value):
            if not _is_origin(one):
                raise ValueError(f"{one!r} is no origin, such as https://desk.example:8443")
        return value

    @field_validator("alert_hosts_allowed")
    @classmethod
    def _are_hosts(cls, value: str) -> str:
        for one in _parts(value):
            parts = urlsplit(f"//{one}")
            if parts.netloc != one or not parts.hostname or "@" in one or parts.port == 0:
                raise ValueError(f"{one!r} is neither HOST nor HOST:PORT")
        return value

    @model_validator(mode="after")
    def _tls_is_whole(self) -> "Settings":
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("tls_certificate and tls_key are given together")
        if self.tls_ends_at == "proxy" and not self.trusted_proxies.strip():
            raise ValueError("a proxy ends TLS, and trusted_proxies names none")
        return self

    @model_validator(mode="after")
    def _authorities_need_tls(self) -> "Settings":
        if self.stub_broker_ca is not None and not self.stub_broker.startswith("https:"):
            raise ValueError("stub_broker_ca is of no use: stub_broker is not reached over https")
        return self

    @model_validator(mode="after")
    def _replay_needs_a_file(self) -> "Settings":
        if self.quotes == "replay" and self.quotes_file is None:
            raise ValueError("quotes are to be replayed, and quotes_file names no file")
        return self

    @model_validator(mode="after")
    def _broadcast_is_whole(self) -> "Settings":
        if self.quotes == "broadcast" and not (self.broadcast and self.broadcast_code):
            raise ValueError("quotes are broadcast, and broadcast or broadcast_code is not given")
        if self.broadcast_ca is not None and not self.broadcast.startswith("wss:"):
            raise ValueError("broadcast_ca is of no use: broadcast is not reached over wss")
        return self

    @model_validator(mode="after")
    def _older_keys_need_a_newer_one(self) -> "Settings":
        if self.kek_older and not self.kek:
            raise ValueError("kek_older is of no use without kek: the server keeps its own keys")
        return self

    @property
    def older_keks(self) -> tuple[str, ...]:
        """The sources in ``kek_older``."""
        return tuple(source.strip() for source in self.kek_older.split(",") if source.strip())

    @property
    def open_doors(self) -> frozenset[str]:
        """The settings that are on of those that make doors public."""
        found = {"docs_open": self.docs_open, "metrics_open": self.metrics_open}
        return frozenset(name for name, is_open in found.items() if is_open)

    @property
    def is_loopback(self) -> bool:
        """Whether the server would be reachable from this machine only."""
        return self.host in LOOPBACK

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The order of precedence."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


def _parts(value: str) -> list[str]:
    return [part.strip() for part in value.split(",") if part.strip()]


def _is_tcp(url: str) -> bool:
    """Whether it is ``tcp://HOST:PORT`` and nothing more. Raises ValueError."""
    parts = urlsplit(url)
    return parts.scheme == "tcp" and parts.port is not None and url == f"tcp://{parts.netloc}"


def _is_origin(text: str) -> bool:
    """Whether a browser would name an origin just so: small letters, no path, no port that says nothing."""
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        return False
    if (
        not host
        or "*" in host
        or not text.isascii()
        or _DEFAULT_PORTS.get(parts.scheme, port) == port
    ):
        return False
    name = f"[{host}]" if ":" in host else host
    return text == f"{parts.scheme}://{name}" + ("" if port is None else f":{port}")
