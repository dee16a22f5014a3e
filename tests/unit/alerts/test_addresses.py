"""Which URLs, hosts and IP addresses something may be sent to."""

import pytest

from phalanx.alerts.addresses import HostsAllowed, check_ip, target_of
from phalanx.alerts.errors import ADDRESS_NOT_ALLOWED, AlertError

NOBODY = HostsAllowed()
NAMED = HostsAllowed(["receiver.lan", "desk.example:8443"])


def refused(url: str, allowed: HostsAllowed = NOBODY) -> None:
    with pytest.raises(AlertError) as caught:
        target_of(url, allowed)
    assert caught.value.code == ADDRESS_NOT_ALLOWED
    assert url not in caught.value.message


@pytest.mark.parametrize(
    "url",
    [
        "https://alerts.example.com/x",
        "HTTPS://Alerts.Example.COM/x?a=b",
        "https://alerts.example.com:443",
        "https://xn--bcher-kva.example/",
        "https://93.184.216.34/",
        "https://[2606:4700::1111]/",
    ],
)
def test_https_at_its_own_port_may_be_used(url: str) -> None:
    target = target_of(url, NOBODY)

    assert target.is_tls
    assert target.port == 443
    assert target.host == target.host.lower()


@pytest.mark.parametrize(
    "url",
    [
        "http://alerts.example.com/",
        "HTTP://alerts.example.com/",
        "ftp://alerts.example.com/",
        "file:///etc/passwd",
        "alerts.example.com",
        "//alerts.example.com/",
        "https://alerts.example.com:8443/",
        "https://alerts.example.com:22/",
        "https://alerts.example.com:99999/",
        "https://user@alerts.example.com/",
        "https://user:word@alerts.example.com/",
        "https://@alerts.example.com/",
        "https://93.184.216.34\\@127.0.0.1/",
        "https://alerts.example.com/#x",
        "https://alerts.example.com./",
        "https://localhost./",
        "https://alerts..example.com/",
        "https:///path",
        "https://-a.example/",
        "https://b\u00fccher.example/",
        "https://\uff11\uff12\uff17.0.0.1/",
        "https://alerts.example.com/a b",
        "https://alerts.example.com/\r\nHost: other",
        "https://[::1%25eth0]/",
        "https://[::1",
        f"https://{'a' * 64}.example/",
        f"https://alerts.example.com/{'a' * 2_000}",
    ],
)
def test_anything_else_is_refused(url: str) -> None:
    refused(url)


@pytest.mark.parametrize(
    "host",
    [
        "2130706433",
        "0x7f.1",
        "127.1",
        "0x7f000001",
        "0177.0.0.1",
        "127.0.0.0x1",
        "1.2.3",
        "0",
        "0x",
    ],
)
def test_ip_addresses_are_written_as_four_decimal_numbers(host: str) -> None:
    refused(f"https://{host}/")


def test_hosts_that_are_named_may_be_reached_over_http_and_at_their_port() -> None:
    assert not target_of("http://receiver.lan/x", NAMED).is_tls
    assert target_of("http://desk.example:8443/", NAMED).port == 8443
    assert target_of("https://RECEIVER.lan/", NAMED).is_named
    refused("http://receiver.lan:8443/", NAMED)
    refused("http://other.lan/", NAMED)
    refused("http://desk.example/", NAMED)
    refused("https://other.receiver.lan:8443/", NAMED)


def test_a_host_that_is_named_with_a_port_is_like_any_other_at_443() -> None:
    assert target_of("https://desk.example:8443/", NAMED).is_named
    assert not target_of("https://desk.example/", NAMED).is_named
    both = HostsAllowed(["desk.example:8443", "desk.example"])
    assert target_of("https://desk.example/", both).is_named
    assert target_of("https://desk.example:8443/", both).is_named


@pytest.mark.parametrize("name", ["a/b", "u@a", "a:0x", ":80", "a:99999", "a?b"])
def test_a_name_is_a_host_and_perhaps_a_port(name: str) -> None:
    with pytest.raises(ValueError, match=r"HOST|port|Port"):
        HostsAllowed([name])


NEVER = [
    "169.254.169.254",
    "169.254.0.1",
    "0.0.0.0",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "198.18.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "240.0.0.1",
    "::",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "fd00:ec2::254",
    "::ffff:169.254.169.254",
    "2002:a9fe:a9fe::1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::a9fe:a9fe",
    "::169.254.169.254",
    "not an address",
]
PRIVATE = [
    "127.0.0.1",
    "127.255.255.254",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "::1",
    "fd12:3456::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "2002:7f00:1::1",
    "64:ff9b::7f00:1",
    "::7f00:1",
    "2001:0:7f00:1::80ff:fffe",
]


@pytest.mark.parametrize("address", NEVER)
@pytest.mark.parametrize("is_named", [False, True])
def test_some_addresses_are_never_used(address: str, is_named: bool) -> None:
    with pytest.raises(AlertError, match=ADDRESS_NOT_ALLOWED):
        check_ip(address, is_named=is_named)


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_refused(address: str) -> None:
    with pytest.raises(AlertError, match=ADDRESS_NOT_ALLOWED):
        check_ip(address, is_named=False)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "10.0.0.1", "fd12:3456::1"])
def test_a_host_that_is_named_may_be_private(address: str) -> None:
    check_ip(address, is_named=True)


@pytest.mark.parametrize(
    "address", ["93.184.216.34", "2606:4700::1111", "::ffff:93.184.216.34", "64:ff9b::5db8:d822"]
)
def test_public_addresses_may_be_used(address: str) -> None:
    check_ip(address, is_named=False)
