from phalanx.api.edges.headers import GUARDS, NO_STORE, guards


def test_an_answer_without_headers_gets_every_guard() -> None:
    assert guards(()) is GUARDS
    assert dict(GUARDS)[b"x-content-type-options"] == b"nosniff"


def test_what_an_answer_says_itself_is_not_said_twice() -> None:
    own = ((b"content-security-policy", b"default-src 'self'"), (b"allow", b"GET"))

    names = [name for name, _ in (*own, *guards(own))]

    assert len(set(names)) == len(names) == len(GUARDS) + 1
    assert NO_STORE not in guards((NO_STORE,))
