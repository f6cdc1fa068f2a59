"""What the API reads of a request: parameters, keys, and the client's address."""

from ipaddress import ip_network
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Scope

from socdefenders.errors import InputError
from socdefenders.web.auth import MAX_PARAMETERS, credential, parameters
from socdefenders.web.visit import MAX_HOPS, client_address

PROXIES = (ip_network("10.0.0.0/8"), ip_network("2001:db8:ffff::/48"))


def scope(query: bytes = b"", *, peer: str | None = "10.0.0.1", forwarded: tuple[str, ...] = ()) -> Scope:
    headers = [(b"x-forwarded-for", value.encode("latin-1")) for value in forwarded]
    return {"query_string": query, "headers": headers, "client": (peer, 1) if peer is not None else None}


@given(st.dictionaries(st.text(min_size=1), st.text(), max_size=MAX_PARAMETERS))
def test_parameters_are_read_as_they_were_written(sent: dict[str, str]) -> None:
    encodable = {name: value for name, value in sent.items() if _encodable(name + value)}
    assert parameters(scope(urlencode(encodable).encode()), ()) == (encodable or {"": ""})


@given(st.binary(max_size=80))
def test_any_bytes_are_read_as_the_standard_library_reads_them_or_refused(query: bytes) -> None:
    try:
        expected = parse_qsl(query.decode(), keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        with pytest.raises(InputError):
            parameters(scope(query), ())
        return
    try:
        found = parameters(scope(query), ())
    except InputError:
        assert query.count(b"&") >= MAX_PARAMETERS
        return
    assert {name: value for name, value in found.items() if name or value} == {
        name: value for name, value in dict(expected).items() if name or value
    }


@given(st.lists(st.binary(max_size=20) | st.just(b"api_key=key"), max_size=5))
def test_a_key_is_found_in_any_bytes_or_two_are_refused(fields: list[bytes]) -> None:
    found = {value for name, value in parse_qsl(b"&".join(fields).decode(errors="replace")) if name == "api_key"}
    if len(found) > 1:
        with pytest.raises(InputError):
            credential(scope(b"&".join(fields)))
    else:
        assert credential(scope(b"&".join(fields))) == (found.pop() if found else None)


def test_a_known_parameter_that_is_repeated_is_refused_and_an_unknown_one_ignored() -> None:
    assert parameters(scope(b"q=a&x=1&x=2"), ("q",))["q"] == "a"
    with pytest.raises(InputError) as refused:
        parameters(scope(b"q=a&%71=b"), ("q",))
    assert refused.value.parameter == "q"


def test_a_query_of_too_many_parameters_is_refused() -> None:
    with pytest.raises(InputError):
        parameters(scope(b"&" * MAX_PARAMETERS), ())


@pytest.mark.parametrize(
    ("headers", "query", "expected"),
    [
        ([], b"", None),
        ([], b"api_key=", None),
        ([], b"api_key", None),
        ([], b"q=aa&api_key=key", "key"),
        ([], b"%61pi_key=k%65y&api_key=key", "key"),
        ([], b"q=%ff&api_key=key", "key"),
        ([], b"q=\xff&api_key=key", "key"),
        ([], b"q=api_key&q=aa" + b"&b=c" * (MAX_PARAMETERS - 3) + b"&api_key=key&d=e", "key"),
        ([], b"b=c&" * MAX_PARAMETERS + b"api_key=key", None),
        ([(b"authorization", b"Bearer key")], b"q=%ff", "key"),
        ([(b"authorization", b"BEARER  key ")], b"api_key=key", "key"),
        ([(b"authorization", b"Bearer ")], b"", None),
        ([(b"authorization", b"Bearer")], b"", None),
        ([(b"authorization", b"Basic key")], b"", None),
        ([(b"x-api-key", b" key ")], b"", "key"),
        ([(b"x-api-key", b"\xff")], b"", "ÿ"),
    ],
)
def test_a_key_is_found_in_each_of_its_places_whatever_else_the_query_holds(
    headers: list[tuple[bytes, bytes]], query: bytes, expected: str | None
) -> None:
    assert credential({"headers": headers, "query_string": query}) == expected


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        ([(b"authorization", b"Bearer one"), (b"x-api-key", b"two")], b""),
        ([(b"authorization", b"Bearer one"), (b"authorization", b"Bearer two")], b""),
        ([(b"x-api-key", b"one")], b"api_key=two"),
        ([], b"api_key=one&api_key=two"),
    ],
)
def test_two_keys_that_disagree_are_refused_without_repeating_them(
    headers: list[tuple[bytes, bytes]], query: bytes
) -> None:
    with pytest.raises(InputError) as refused:
        credential({"headers": headers, "query_string": query})
    assert "one" not in refused.value.message.replace("one of", "")
    assert refused.value.parameter == "api_key"


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("192.0.2.1", (), "192.0.2.1"),
        ("192.0.2.1", ("203.0.113.9",), "192.0.2.1"),
        ("10.0.0.1", (), "10.0.0.1"),
        ("10.0.0.1", ("203.0.113.9",), "203.0.113.9"),
        ("10.0.0.1", ("198.51.100.1, 203.0.113.9",), "203.0.113.9"),
        ("10.0.0.1", ("198.51.100.1, 203.0.113.9, 10.0.0.2",), "203.0.113.9"),
        ("10.0.0.1", ("198.51.100.1", "203.0.113.9"), "203.0.113.9"),
        ("10.0.0.1", ("junk, 10.0.0.7",), "10.0.0.7"),
        ("10.0.0.1", ("198.51.100.1, 203.0.113.9:4711",), "203.0.113.9"),
        ("10.0.0.1", ("198.51.100.1, [2001:db8::5]:4711",), "2001:db8::5"),
        ("10.0.0.1", ("[2001:db8::5]",), "2001:db8::5"),
        ("10.0.0.1", ("203.0.113.9:x",), "10.0.0.1"),
        ("10.0.0.1", ("junk",), "10.0.0.1"),
        ("::ffff:10.0.0.1", ("2001:db8::5",), "2001:db8::5"),
        ("2001:db8:ffff::1", ("::ffff:203.0.113.9",), "203.0.113.9"),
        (None, ("203.0.113.9",), ""),
        ("10.0.0.1", (", ".join(["203.0.113.9"] + ["10.0.0.2"] * MAX_HOPS),), "10.0.0.2"),
    ],
)
def test_the_client_is_the_last_hop_that_is_no_trusted_proxy(
    peer: str | None, forwarded: tuple[str, ...], expected: str
) -> None:
    assert client_address(scope(peer=peer, forwarded=forwarded), PROXIES) == expected


@given(st.text(), st.text())
def test_whatever_a_proxy_passes_on_the_address_is_one(one: str, other: str) -> None:
    header = f"{one},{other}".encode("ascii", "ignore").decode()
    found = client_address(scope(forwarded=(header,)), PROXIES)
    assert found
    assert "\n" not in found


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
