"""Where webhooks may be sent: names in the public internet, by TLS, and no address that stands for anything of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms.domain.egress import Endpoint, check_addresses, is_public, read_endpoint
from oms.domain.errors import EndpointRefusedError

if TYPE_CHECKING:
    import ipaddress

REFUSED_ADDRESSES = {
    "this network": "0.0.0.0",
    "this network, elsewhere": "0.255.255.255",
    "private 10": "10.0.0.1",
    "private 172, first": "172.16.0.0",
    "private 172, last": "172.31.255.255",
    "private 192": "192.168.1.1",
    "shared by a carrier's NAT": "100.64.0.1",
    "shared by a carrier's NAT, last": "100.127.255.255",
    "loopback": "127.0.0.1",
    "loopback, elsewhere": "127.255.0.9",
    "metadata": "169.254.169.254",
    "metadata of containers": "169.254.170.2",
    "DNS of a VPC": "169.254.169.253",
    "protocols": "192.0.0.171",
    "documentation 1": "192.0.2.1",
    "documentation 2": "198.51.100.7",
    "documentation 3": "203.0.113.7",
    "6to4 relay": "192.88.99.1",
    "benchmarks": "198.19.255.255",
    "multicast": "224.0.0.1",
    "reserved": "240.0.0.1",
    "broadcast": "255.255.255.255",
    "unspecified, IPv6": "::",
    "loopback, IPv6": "::1",
    "mapped loopback": "::ffff:127.0.0.1",
    "mapped metadata": "::ffff:a9fe:a9fe",
    "mapped public": "::ffff:8.8.8.8",
    "compatible": "::8.8.8.8",
    "translated (NAT64)": "64:ff9b::a9fe:a9fe",
    "translated locally": "64:ff9b:1::a00:1",
    "discard only": "100::1",
    "Teredo": "2001:0:53aa:64c:0:fbff:a9fe:a9fe",
    "benchmarks, IPv6": "2001:2::1",
    "ORCHID": "2001:20::1",
    "documentation, IPv6": "2001:db8::1",
    "documentation, newer": "3fff::1",
    "6to4 of metadata": "2002:a9fe:a9fe::1",
    "6to4 of private": "2002:a00:1::",
    "segment routing": "5f00::1",
    "unique local": "fd12:3456::1",
    "metadata, IPv6": "fd00:ec2::254",
    "link-local, IPv6": "fe80::1",
    "link-local with its zone": "fe80::1%eth0",
    "public with a zone": "2606:4700::1%eth0",
    "site-local": "fec0::1",
    "multicast, IPv6": "ff02::1",
    "no address": "example.com",
    "decimal": "2130706433",
    "octal": "0177.0.0.1",
    "short": "127.1",
    "nothing": "",
}


@pytest.mark.parametrize("address", REFUSED_ADDRESSES.values(), ids=REFUSED_ADDRESSES)
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    assert not is_public(address)
    with pytest.raises(EndpointRefusedError):
        check_addresses(["8.8.8.8", address])


@pytest.mark.parametrize("address", ["8.8.8.8", "52.94.236.248", "172.32.0.1", "100.128.0.1", "2606:4700::6810:84e5"])
def test_a_public_address_is_taken(address: str) -> None:
    assert is_public(address)
    check_addresses([address, "8.8.8.8"])


def test_a_name_without_an_address_is_refused() -> None:
    with pytest.raises(EndpointRefusedError):
        check_addresses([])


@given(st.ip_addresses())
def test_nothing_passes_that_python_knows_to_be_special(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    """Another list than ours, of the standard library."""
    if is_public(str(address)):
        assert address.is_global
        assert not any((address.is_private, address.is_multicast, address.is_link_local, address.is_loopback))


REFUSED_URLS = {
    "plain": "http://erp.example.com/hook",
    "another scheme": "gopher://erp.example.com/",
    "a file": "file:///etc/passwd",
    "no scheme": "erp.example.com/hook",
    "another port": "https://erp.example.com:8443/hook",
    "port of HTTP": "https://erp.example.com:80/hook",
    "a port that is none": "https://erp.example.com:99999/",
    "user": "https://me@erp.example.com/",
    "user and password": "https://me:secret@erp.example.com/",
    "empty user": "https://@erp.example.com/",
    "fragment": "https://erp.example.com/hook#part",
    "empty fragment": "https://erp.example.com/hook#",
    "address": "https://8.8.8.8/",
    "loopback": "https://127.0.0.1/",
    "metadata": "https://169.254.169.254/latest/meta-data/",
    "IPv6": "https://[::1]/",
    "IPv6 that is no address": "https://[::1/",
    "decimal address": "https://2130706433/",
    "hexadecimal address": "https://0x7f.0.0.0x1/",
    "octal address": "https://0177.0.0.01/",
    "short address": "https://127.1/",
    "one label": "https://localhost/",
    "no host": "https:///hook",
    "empty label": "https://erp..example.com/",
    "not ASCII": "https://erp.exämple.com/",
    "full-width dots": "https://169。254。169。254/",
    "blank": "https://erp.example.com/a b",
    "line end": "https://erp.example.com/\r\nhost: elsewhere",
    "tab in the host": "https://erp.exa\tmple.com/",
    "backslash": "https://erp.example.com\\@evil.example/",
    "too long": "https://erp.example.com/" + "a" * 1000,
    "label too long": f"https://{'a' * 64}.example.com/",
    "empty": "",
}


@pytest.mark.parametrize("url", REFUSED_URLS.values(), ids=REFUSED_URLS)
def test_a_url_that_is_not_for_webhooks_is_refused(url: str) -> None:
    with pytest.raises(EndpointRefusedError):
        read_endpoint(url)


def test_a_url_is_read() -> None:
    read = read_endpoint("https://ERP.example.com:443/hooks/oms?tenant=7")
    assert read == Endpoint(host="erp.example.com", port=443, path="/hooks/oms?tenant=7")
    assert read.authority == "erp.example.com"
    assert read_endpoint("https://erp.example.com").path == "/"
    assert read_endpoint("https://erp.example.com./x").host == "erp.example.com"


def test_only_the_one_local_host_is_reached_over_plain_http() -> None:
    local = read_endpoint("http://127.0.0.1:9100/hook", "127.0.0.1:9100")
    assert (local.local, local.tls, local.authority) == (True, False, "127.0.0.1:9100")
    for url in ("http://127.0.0.1:9101/", "http://127.0.0.1/", "https://127.0.0.1:9100/", "http://localhost:9100/"):
        with pytest.raises(EndpointRefusedError):
            read_endpoint(url, "127.0.0.1:9100")
    with pytest.raises(EndpointRefusedError):
        read_endpoint("http://127.0.0.1:9100/hook", "")
