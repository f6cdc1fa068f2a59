"""Settings: each read once, into its type, or refused by name."""

import types
import typing
from dataclasses import MISSING, fields
from ipaddress import ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from valkey.asyncio import ConnectionPool

from socdefenders.accounts import SharedCounters
from socdefenders.errors import SettingsError
from socdefenders.settings import (
    FIELDS,
    PREFIX,
    READERS,
    SECRETS,
    VALKEY_SCHEMES,
    Settings,
    Tier,
    default_data_dir,
    read,
)

GOOD: dict[str, tuple[str, object]] = {
    "data_dir": ("/srv/data", Path("/srv/data")),
    "database_url": ("postgresql://u:p@db.example/soc", "postgresql://u:p@db.example/soc"),
    "database_connections": ("12", 12),
    "host": ("::1", "::1"),
    "port": ("0", 0),
    "public_url": ("https://intel.example/", "https://intel.example"),
    "instance_name": ("Harbour SOC", "Harbour SOC"),
    "valkey_url": ("valkey://cache.example:6379/1", "valkey://cache.example:6379/1"),
    "trusted_proxies": (
        "10.0.0.1/8, 2001:db8::1,",
        (ip_network("10.0.0.0/8"), ip_network("2001:db8::1/128")),
    ),
    "search_deadline_ms": ("40", 40),
    "log_level": ("WARNING", "warning"),
    "log_format": ("text", "text"),
    "free_per_minute": ("11", 11),
    "free_per_day": ("1100", 1100),
    "pro_per_minute": ("22", 22),
    "pro_per_day": ("2200", 2200),
    "failed_auth_per_minute": ("3", 3),
    "feeds_dir": ("/srv/feeds", Path("/srv/feeds")),
    "worker_concurrency": ("8", 8),
    "abuse_ch_key": ("0a1b-2c", "0a1b-2c"),
    "otx_key": ("0a1b2c", "0a1b2c"),
    "phishtank_key": ("~0a1b", "~0a1b"),
    "fetch_contact": ("soc@corp.example", "soc@corp.example"),
    "fetch_allowed": (
        "10.1.0.1/16, 2001:db8::1, MISP.corp.example.,",
        (ip_network("10.1.0.0/16"), ip_network("2001:db8::1/128"), "misp.corp.example"),
    ),
    "fetch_proxy": ("http://u:p%40@proxy.example:3128", "http://u:p%40@proxy.example:3128"),
    "model_url": ("http://[::1]:11434/v1/", "http://[::1]:11434/v1"),
    "model_name": ("some-model:8b", "some-model:8b"),
    "model_key": ("sk-0a1b", "sk-0a1b"),
    "model_tokens_per_day": ("40000", 40_000),
    "model_timeout_seconds": ("30", 30),
    "active_days_address": ("14", 14),
    "active_days_domain": ("36500", 36_500),
    "active_days_url": ("60", 60),
    "active_days_file": ("3650", 3_650),
    "keep_bodies_days": ("1", 1),
    "keep_inactive_days": ("730", 730),
    "keep_tombstones_days": ("30", 30),
}
"""Each setting as somebody writes it, and what is read."""

COUNTS = [name for name, (raw, _) in GOOD.items() if raw.isdigit() and name != "port"]

BAD = [
    *((name, raw) for name in COUNTS for raw in ("0", "-1", "1.5", "ten", "1e3", "٣", " 5", "9" * 5000)),
    *(("port", raw) for raw in ("65536", "-1", "http", "8080/tcp", "9" * 5000)),
    *(
        ("database_url", raw)
        for raw in ("db.example/soc", "mysql://db.example/soc", "postgresql:soc", "http://db.example")
    ),
    *(("valkey_url", raw) for raw in ("cache.example:6379", "http://cache.example", "redis:6379")),
    *(("valkey_url", f"valkey://{rest}") for rest in ("cache.example", "cache.example/0", ":6379/0", "/0", "[::1/0")),
    *(
        ("valkey_url", f"valkey://cache.example:{rest}")
        for rest in ("", "abc/0", "65536", "0", "1/x", "1/0/1", "1/0#a")
    ),
    *(
        ("valkey_url", f"valkey://{rest}")
        for rest in ("a,b:1/0", "a b:1", ":p@,@a:1", "a:1/0?db=x", "a:1/0?max_connections=1")
    ),
    *(
        ("public_url", raw)
        for raw in ("intel.example", "ftp://intel.example", "//intel.example", "https:intel.example")
    ),
    *(("trusted_proxies", raw) for raw in ("10.0.0.0/33", "proxy.example", "10.0.0.1-10.0.0.9", "10.0.0.1;10.0.0.2")),
    *(("fetch_contact", raw) for raw in ("a", "two words", "a(b)", "line\nbreak", "ü@corp.example", "x" * 201)),
    *(("fetch_allowed", raw) for raw in ("10.0.0.0/33", "127.1", "300.1.1.1", "http://a.example", "a b", "*.example")),
    *(("fetch_proxy", raw) for raw in ("proxy.example:3128", "socks5://proxy.example:1080", "https://a.example:1")),
    *(
        ("fetch_proxy", f"http://{rest}")
        for rest in ("a.example", "a.example:x", ":3128", "u@p@a:1", "a:1/x", "a:1?x", "a:1#x", "[::1", "a b:1", "ü:1")
    ),
    *(
        ("model_url", raw)
        for raw in ("127.0.0.1:11434", "https://", "http:///v1", "https://a b/v1", "https://ü.example")
    ),
    *(
        ("model_url", f"https://{rest}")
        for rest in ("u:p@a.example", "a.example?key=1", "a.example#a", "a:x", "a:0", "[::1")
    ),
    *(("model_name", raw) for raw in ("two\nlines", "x" * 201)),
    ("model_tokens_per_day", "29999"),
    *(("log_level", raw) for raw in ("loud", "debug,info")),
    ("log_format", "yaml"),
    ("active_days_url", "13"),
    ("keep_bodies_days", "36501"),
    ("data_dir", "~nobody-of-this-name/data"),
]


def variable(name: str) -> str:
    return PREFIX + name.upper()


def test_every_setting_has_a_reader_and_every_reader_a_setting() -> None:
    assert set(READERS) == set(FIELDS) == set(GOOD)
    assert set(FIELDS) > SECRETS


def of_type(value: object, hint: object) -> bool:
    """Whether `value` is of the annotated type `hint`, as far as the settings use such."""
    if isinstance(hint, types.UnionType):
        return any(of_type(value, each) for each in typing.get_args(hint))
    if typing.get_origin(hint) is tuple:
        inner = typing.get_args(hint)[0]
        return isinstance(value, tuple) and all(of_type(each, inner) for each in value)
    return type(value) is hint or (isinstance(hint, type) and issubclass(hint, Path) and isinstance(value, hint))


@pytest.mark.parametrize("name", FIELDS)
def test_a_setting_is_read_into_the_type_of_its_field(name: str) -> None:
    """What `read` hands to Settings is not checked by mypy; this is."""
    raw, expected = GOOD[name]
    hint = typing.get_type_hints(Settings)[name]
    assert READERS[name](raw) == expected
    assert of_type(READERS[name](raw), hint)
    assert getattr(read({variable(name): raw}), name) == expected


def test_defaults_are_of_their_types_and_none_but_the_data_directory_is_needed() -> None:
    hints = typing.get_type_hints(Settings)
    settings = read({})
    assert all(of_type(getattr(settings, name), hints[name]) for name in FIELDS)
    assert [field.name for field in fields(Settings) if field.default is MISSING] == ["data_dir"]
    assert settings.data_dir == default_data_dir()
    assert settings == Settings(data_dir=default_data_dir())


def test_all_settings_together() -> None:
    settings = read({variable(name): raw for name, (raw, _) in GOOD.items()})
    assert settings == Settings(**{name: value for name, (_, value) in GOOD.items()})  # type: ignore[arg-type]  # proven above


@pytest.mark.parametrize(("name", "raw"), BAD)
def test_a_value_that_cannot_be_read_is_refused_by_the_name_of_its_variable(name: str, raw: str) -> None:
    with pytest.raises(SettingsError) as refused:
        read({variable(name): raw})
    assert refused.value.message.startswith(f"{variable(name)}: ")


def outcome(name: str, raw: str) -> object:
    """What a value is read as, or why it is refused."""
    try:
        return getattr(read({variable(name): raw}), name)
    except SettingsError as refused:
        return refused


@given(name=st.sampled_from(FIELDS), raw=st.text(max_size=30))
def test_any_value_is_read_or_refused_and_nothing_else(name: str, raw: str) -> None:
    found = outcome(name, raw)
    if isinstance(found, SettingsError):
        assert found.message.startswith(f"{variable(name)}: ")
    else:
        assert of_type(found, typing.get_type_hints(Settings)[name])


@pytest.mark.parametrize(
    ("raw", "host", "port", "number"),
    [
        ("VALKEY://cache.example:6379", "cache.example", 6379, None),
        ("redis://[::1]:1/", "::1", 1, None),
        ("valkeys://:p%40ss@cache_1:6379/15?ssl_ca_certs=/etc/ca.pem", "cache_1", 6379, 15),
    ],
)
def test_the_address_of_valkey_is_understood_as_it_is_by_the_client(
    raw: str, host: str, port: int, number: int | None
) -> None:
    address = read({"SOCDEFENDERS_VALKEY_URL": raw}).valkey_url
    assert address is not None
    known = ConnectionPool.from_url(address).connection_kwargs
    assert (known["host"], known["port"], known.get("db")) == (host, port, number)


@given(
    st.sampled_from(VALKEY_SCHEMES),
    st.just("") | st.text("ab1:@/?#[]%,. \n٣é", max_size=10),
    st.just("") | st.text("ab1:@/?#[]%,.=& \n٣é", max_size=10),
)
def test_no_address_of_valkey_that_is_read_makes_the_client_stumble(scheme: str, before: str, after: str) -> None:
    address = outcome("valkey_url", f"{scheme}://{before}a:1{after}")
    if isinstance(address, str):
        assert SharedCounters(address).away is False


@given(st.text(min_size=1).filter(lambda text: not text.lower().startswith(("postgresql://", "postgres://"))))
def test_a_refusal_never_repeats_a_secret(raw: str) -> None:
    secret = f"pass-{raw}-word"
    with pytest.raises(SettingsError) as refused:
        read({"SOCDEFENDERS_DATABASE_URL": secret})
    assert secret not in refused.value.message


def test_an_empty_variable_is_an_absent_one() -> None:
    assert read({variable(name): "" for name in FIELDS}) == read({})


@pytest.mark.parametrize("name", ["PROT", "PORTS", "", "DATA-DIR", "port", "PORT_FILE"])
def test_an_unknown_variable_of_ours_is_refused_by_its_name(name: str) -> None:
    with pytest.raises(SettingsError, match="is no setting") as refused:
        read({PREFIX + name: "1"})
    assert refused.value.message.startswith(PREFIX + name)
    assert "docs/configuration.md" in refused.value.message


def test_the_variables_of_others_are_none_of_our_business() -> None:
    assert read(
        {"PATH": "/bin", "PGHOST": "db.example", "SOCDEFENDERS_KEY": "sk", "SOCDEFENDERS_SHARED": "/x"}
    ) == read({})


@pytest.mark.parametrize("name", sorted(SECRETS))
def test_a_secret_may_stand_in_a_file(tmp_path: Path, name: str) -> None:
    raw, expected = GOOD[name]
    (tmp_path / "secret").write_text(f"{raw}\n")
    assert getattr(read({f"{variable(name)}_FILE": str(tmp_path / "secret")}), name) == expected
    assert getattr(read({f"{variable(name)}_FILE": str(tmp_path / "secret"), variable(name): ""}), name) == expected


def test_a_secret_is_taken_to_the_last_character(tmp_path: Path) -> None:
    url = "postgresql://db.example/soc?password=ends-in-a-slash/"
    (tmp_path / "secret").write_text(url)
    assert read({"SOCDEFENDERS_DATABASE_URL_FILE": str(tmp_path / "secret")}).database_url == url
    assert read({"SOCDEFENDERS_DATABASE_URL": url}).database_url == url


def test_a_secret_in_two_places_is_refused(tmp_path: Path) -> None:
    raw = GOOD["database_url"][0]
    (tmp_path / "secret").write_text(raw)
    with pytest.raises(SettingsError, match="both set"):
        read({"SOCDEFENDERS_DATABASE_URL": raw, "SOCDEFENDERS_DATABASE_URL_FILE": str(tmp_path / "secret")})


@pytest.mark.parametrize(
    ("content", "why"), [(None, "cannot be read: No such file"), (b"\xff\xfe\xff", "is no text"), (b" \n", "is empty")]
)
def test_a_file_that_holds_no_secret_is_refused_by_its_name(tmp_path: Path, content: bytes | None, why: str) -> None:
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SettingsError, match=why) as refused:
        read({"SOCDEFENDERS_DATABASE_URL_FILE": str(file)})
    assert refused.value.message.startswith(f"SOCDEFENDERS_DATABASE_URL_FILE: {file}")


def test_a_file_that_holds_something_else_is_refused_without_repeating_it(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hunter2")
    with pytest.raises(SettingsError) as refused:
        read({"SOCDEFENDERS_DATABASE_URL_FILE": str(tmp_path / "secret")})
    assert "hunter2" not in refused.value.message


def test_the_home_directory_may_be_abbreviated() -> None:
    assert read({"SOCDEFENDERS_DATA_DIR": "~/intel"}).data_dir == Path.home() / "intel"
    assert read({"SOCDEFENDERS_DATA_DIR": "intel"}).data_dir == Path.cwd() / "intel"


def test_tiers_take_their_budgets_from_the_settings() -> None:
    settings = read({variable(name): raw for name, (raw, _) in GOOD.items()})
    assert settings.tier("free") == Tier(name="free", per_minute=11, per_day=1100)
    assert settings.tier("pro") == Tier(name="pro", per_minute=22, per_day=2200)
