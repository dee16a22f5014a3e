"""Access tokens: what is forged, altered or misused is refused, and always in the same words."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from phalanx.access.directory import AccessRules, Directory
from phalanx.access.errors import AccessCode, AccessError
from phalanx.access.tokens import AccessTokens, TokenRules
from phalanx.domain.secrets import Secret
from phalanx.domain.time import MINUTE, SECOND
from tests.fakes.clock import ManualClock
from tests.unit.access.rig import (
    CHEAP,
    PASSWORD,
    TRADER,
    SeededRandom,
    bearer,
    log_in,
    open_directory,
    refused,
)


def encoded(part: object) -> str:
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decoded(part: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=="))
    return found


class Forge:
    """A genuine token taken apart, and the means to put it together otherwise."""

    def __init__(self, directory: Directory) -> None:
        self.token = log_in(directory).access.reveal()
        self.head, self.body, self.signature = self.token.split(".")
        self.header, self.claims = decoded(self.head), decoded(self.body)
        self.key: Any = directory.signing.signer.key
        self.public = self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def signed(self, header: dict[str, Any], claims: Any, key: Any = None) -> str:  # noqa: ANN401
        """A token of exactly these parts, signed with Ed25519."""
        text = f"{encoded(header)}.{encoded(claims)}"
        return f"{text}.{encoded((key or self.key).sign(text.encode()))}"

    def headed(self, **header: object) -> str:
        """Our own signature under another header; None takes a field away."""
        changed = {name: value for name, value in (self.header | header).items() if value}
        return self.signed(changed, self.claims)

    def claiming(self, **claims: object) -> str:
        """Our own signature under other claims; None takes one away."""
        changed = {
            name: value for name, value in (self.claims | claims).items() if value is not None
        }
        return self.signed(self.header, changed)

    def mac(self, secret: bytes, **header: object) -> str:
        """Signed with a shared secret."""
        text = f"{encoded(self.header | {'alg': 'HS256'} | header)}.{self.body}"
        return f"{text}.{encoded(hmac.digest(secret, text.encode(), hashlib.sha256))}"

    def other(self, algorithm: str, key: Any) -> str:  # noqa: ANN401
        """Signed by another algorithm, under our key's id."""
        headers = {"typ": "at+jwt", "kid": self.header["kid"]}
        return jwt.encode(self.claims, key, algorithm, headers)


STRANGER = Ed25519PrivateKey.from_private_bytes(b"s" * 32)
STRANGER_JWK = {
    "kty": "OKP",
    "crv": "Ed25519",
    "x": encoded(STRANGER.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)),
}
RSA = rsa.generate_private_key(65537, 2048)
PEM = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

FORGED: dict[str, Callable[[Forge], str]] = {
    "no algorithm": lambda f: f"{encoded(f.header | {'alg': 'none'})}.{f.body}.",
    "no algorithm, in other letters": lambda f: (
        f"{encoded(f.header | {'alg': 'nOnE'})}.{f.body}.AA"
    ),
    "no algorithm, our signature": lambda f: f.headed(alg="none"),
    "no signature": lambda f: f"{f.head}.{f.body}.",
    "two parts": lambda f: f"{f.head}.{f.body}",
    "five parts": lambda f: f"{f.token}.AA.AA",
    "signed with our public key as a secret": lambda f: f.mac(f.public),
    "signed with an empty secret": lambda f: f.mac(b""),
    "signed with RSA": lambda f: f.other("RS256", RSA),
    "signed with another curve": lambda f: f.other(
        "ES256", ec.generate_private_key(ec.SECP256R1())
    ),
    "signed by a stranger": lambda f: f.signed(f.header, f.claims, STRANGER),
    "brings its own key": lambda f: f.signed(f.header | {"jwk": STRANGER_JWK}, f.claims, STRANGER),
    "our key and one of its own": lambda f: f.headed(jwk=STRANGER_JWK),
    "says where its key is": lambda f: f.headed(jku="https://example.com/keys"),
    "says where its certificate is": lambda f: f.headed(x5u="https://example.com/cert"),
    "brings a certificate": lambda f: f.headed(x5c=["AA"]),
    "wants more understood": lambda f: f.headed(crit=["b64"], b64=False),
    "no key id": lambda f: f.headed(kid=None),
    "a key id that is a path": lambda f: f.headed(kid="../../../../dev/null"),
    "a key id that is a query": lambda f: f.headed(kid="' OR 1=1 --"),
    "a key id that is a list": lambda f: f.headed(kid=[f.header["kid"]]),
    "an unknown key id": lambda f: f.headed(kid="0" * 16),
    "of another type": lambda f: f.headed(typ="JWT"),
    "of no type": lambda f: f.headed(typ=None),
    "for somebody else": lambda f: f.claiming(aud="another"),
    "for several": lambda f: f.claiming(aud=["phalanx", "another"]),
    "from somebody else": lambda f: f.claiming(iss="another"),
    "over": lambda f: f.claiming(exp=f.claims["iat"]),
    "living too long": lambda f: f.claiming(exp=f.claims["iat"] + 601),
    "living for ever": lambda f: f.claiming(exp=2**62),
    "of the future": lambda f: f.claiming(
        iat=f.claims["iat"] + 60, exp=f.claims["exp"] + 60, nbf=f.claims["nbf"]
    ),
    "not yet": lambda f: f.claiming(nbf=f.claims["nbf"] + 60),
    "with an end that is no number": lambda f: f.claiming(exp=str(f.claims["exp"])),
    "with an end in fractions": lambda f: f.claiming(exp=f.claims["exp"] + 0.5),
    "with a role": lambda f: f.claiming(role="admin"),
    "of a user by number": lambda f: f.claiming(sub=1),
    "claims that are a list": lambda f: f.signed(f.header, [f.claims]),
    "claims that are deep": lambda f: f.signed(f.header, {"a": json.loads("[" * 300 + "]" * 300)}),
    "too long": lambda f: f.claiming(jti="x" * 2_000),
    "an altered claim": lambda f: f"{f.head}.{encoded(f.claims | {'sub': '1'})}.{f.signature}",
    "an altered signature": lambda f: f"{f.head}.{f.body}.{'A' * len(f.signature)}",
    "a signature of another length": lambda f: f"{f.head}.{f.body}.{f.signature[:-4]}",
    "with signs between": lambda f: f"{f.head}.{f.body}.{f.signature[:9]}!{f.signature[9:]}",
    "with padding": lambda f: f"{f.token}==",
    "with a line end": lambda f: f"{f.token}\n",
    "a header that is no JSON": lambda f: f"{encoded(b'{')}.{f.body}.{f.signature}",
    "a header that is a list": lambda f: f"{encoded(['EdDSA'])}.{f.body}.{f.signature}",
    "nothing": lambda _: "",
    "dots": lambda _: "..",
    "noise": lambda _: "\xff\x00" * 40,
} | {
    f"without {name}": lambda f, name=name: f.claiming(**{name: None})
    for name in ("iss", "aud", "sub", "sid", "jti", "iat", "nbf", "exp")
}


@pytest.fixture
def forge(directory: Directory) -> Forge:
    return Forge(directory)


@pytest.mark.parametrize("how", FORGED)
def test_a_forged_token_is_refused(directory: Directory, forge: Forge, how: str) -> None:
    token = FORGED[how](forge)
    assert token != forge.token

    with pytest.raises(AccessError) as caught:
        directory.principal_of(b"Bearer " + token.encode("latin-1"))

    assert str(caught.value) == "UNAUTHENTICATED: who you are could not be verified"


def test_what_the_forge_leaves_as_it_was_is_genuine(directory: Directory, forge: Forge) -> None:
    """Otherwise the table above would prove nothing."""
    for token in (forge.token, forge.headed(), forge.claiming(), forge.claiming(jti="another")):
        assert directory.principal_of(f"Bearer {token}".encode()).name == "ann"


def test_a_token_says_no_more_than_it_must(directory: Directory, forge: Forge) -> None:
    assert set(forge.header) == {"alg", "typ", "kid"}
    assert set(forge.claims) == {"iss", "aud", "sub", "sid", "jti", "iat", "nbf", "exp"}
    assert forge.claims["exp"] - forge.claims["iat"] == 600


def test_no_two_tokens_are_the_same(directory: Directory) -> None:
    jtis = {Forge(directory).claims["jti"] for _ in range(3)}

    assert len(jtis) == 3


def test_a_session_of_another_user_is_not_one_s_own(directory: Directory, forge: Forge) -> None:
    token = forge.claiming(sub=str(directory.users.get("root").id))

    header = f"Bearer {token}".encode()
    assert refused(directory.principal_of, header) is AccessCode.SESSION_ENDED


def test_a_token_dies_in_its_last_second_though_it_was_seen_before(
    directory: Directory, clock: ManualClock
) -> None:
    tokens = log_in(directory)
    header = bearer(tokens.access)
    clock.advance(tokens.access_expires_at - clock.now() - 1)
    assert directory.principal_of(header).name == "ann"

    clock.advance(1)

    assert refused(directory.principal_of, header) is AccessCode.UNAUTHENTICATED
    assert not directory._tokens._cache


@pytest.mark.parametrize(("back_s", "is_genuine"), [(10, True), (12, False)])
def test_a_clock_that_is_set_back_a_little_shuts_nobody_out(
    directory: Directory, clock: ManualClock, back_s: int, is_genuine: bool
) -> None:
    header = bearer(log_in(directory).access)
    clock.jump(-back_s * SECOND)

    if is_genuine:
        assert directory.principal_of(header).name == "ann"
    else:
        assert refused(directory.principal_of, header) is AccessCode.UNAUTHENTICATED


def test_a_token_is_verified_once(
    directory: Directory, forge: Forge, monkeypatch: pytest.MonkeyPatch
) -> None:
    decode = Mock(wraps=jwt.decode)
    monkeypatch.setattr(jwt, "decode", decode)

    for _ in range(3):
        directory.principal_of(f"Bearer {forge.token}".encode())

    assert decode.call_count == 1


def test_what_is_remembered_is_bounded_and_holds_no_token(
    directory: Directory, clock: ManualClock
) -> None:
    tokens = AccessTokens(directory.signing, clock, SeededRandom(9), TokenRules(), cache_max=3)
    log_in(directory)
    (session,) = directory.sessions.list()
    made = [tokens.issue(session)[0].reveal().encode() for _ in range(5)]

    for token in made:
        assert tokens.verified(token).session == session.id

    assert len(tokens._cache) == 3
    assert all(len(digest) == 32 for digest in tokens._cache)
    assert tokens.verified(made[0]).session == session.id


def test_what_is_refused_is_not_remembered(directory: Directory, forge: Forge) -> None:
    refused(directory.principal_of, f"Bearer {forge.claiming(aud='x')}".encode())

    assert not directory._tokens._cache


@pytest.fixture
def elsewhere(tmp_path: Path, clock: ManualClock) -> Iterator[Directory]:
    (tmp_path / "elsewhere").mkdir()
    with open_directory(tmp_path / "elsewhere", clock, seed=7) as directory:
        directory.users.create("ann", TRADER, PASSWORD)
        yield directory


def test_a_token_of_another_installation_is_refused(
    directory: Directory, elsewhere: Directory
) -> None:
    token = log_in(elsewhere).access

    assert refused(directory.principal_of, bearer(token)) is AccessCode.UNAUTHENTICATED


@pytest.mark.parametrize("life", [0, SECOND - 1, 10 * MINUTE + 1])
def test_no_rule_lets_tokens_live_longer_than_ten_minutes(life: int) -> None:
    with pytest.raises(AssertionError):
        TokenRules(life_ns=life)


def test_a_shorter_life_is_kept(tmp_path: Path, clock: ManualClock) -> None:
    rules = AccessRules(cost=CHEAP.cost, tokens=TokenRules("here", "there", MINUTE))
    with open_directory(tmp_path, clock, rules) as directory:
        directory.users.create("ann", TRADER, PASSWORD)
        tokens = log_in(directory)
        claims = Forge(directory).claims

        assert tokens.access_expires_at == clock.now() // SECOND * SECOND + MINUTE
        assert (claims["iss"], claims["aud"]) == ("here", "there")
        assert directory.principal_of(bearer(tokens.access)).name == "ann"


@pytest.mark.parametrize(
    "header",
    [None, b"", b"Bearer", b"Bearer ", b"Basic YTpi", b"bearer  x", b"Bearer " + b"x" * 5_000],
)
def test_a_header_that_carries_nothing_is_refused(
    directory: Directory, header: bytes | None
) -> None:
    assert refused(directory.principal_of, header) is AccessCode.UNAUTHENTICATED


@pytest.mark.parametrize("scheme", [b"Bearer ", b"bearer ", b"BEARER "])
def test_the_scheme_is_read_in_whichever_case(directory: Directory, scheme: bytes) -> None:
    token: Secret = log_in(directory).access

    assert directory.principal_of(scheme + token.reveal().encode()).name == "ann"
