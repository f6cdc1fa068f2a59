"""The OpenAPI document, the page that shows it and the server say the same."""

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from fastapi.routing import APIRoute
from hypothesis import strategies as st

from socdefenders.cli.demo import VALUE
from socdefenders.errors import InputError
from socdefenders.indicators import candidates
from socdefenders.settings import Settings
from socdefenders.web.api.iocs import QUERY_PATTERN
from socdefenders.web.app import CODES, STATUSES, Application
from socdefenders.web.docs import FILES
from tests.web.conftest import Api

PAGES = {"/", *FILES}


def test_every_documented_endpoint_is_served_and_every_served_one_documented(api: Api) -> None:
    document = api.server.client.get("/api/openapi.json").json()
    for path, methods in document["paths"].items():
        assert list(methods) == ["get"]
        assert api.server.client.get(path).status_code not in {404, 405}, path
    app = Application(Settings(data_dir=Path()), dsn="postgresql:///nowhere")
    served = {getattr(route, "path", "") for router in app.routers for route in router.routes}
    assert served == set(document["paths"]) | PAGES


def test_no_endpoint_leaves_its_parameters_to_the_framework_whose_errors_have_another_form() -> None:
    app = Application(Settings(data_dir=Path()), dsn="postgresql:///nowhere")
    routes = [route for router in app.routers for route in router.routes if isinstance(route, APIRoute)]
    assert routes
    for route in routes:
        taken = route.dependant
        read = (taken.path_params, taken.query_params, taken.header_params, taken.cookie_params, taken.body_params)
        assert not any(read), route.path


def test_the_search_names_every_parameter_status_header_and_way_to_bring_a_key(api: Api) -> None:
    document = api.server.client.get("/api/openapi.json").json()
    search = document["paths"]["/api/v1/iocs/search"]["get"]
    assert [parameter["name"] for parameter in search["parameters"]] == ["q", "include_related", "type"]
    assert set(search["responses"]) == {"200", "400", "401", "403", "405", "413", "429", "500", "503"}
    for status, response in search["responses"].items():
        assert {"X-Request-ID", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"} <= set(
            response["headers"]
        ), status
        assert response["content"]["application/json"]["schema"], status
    assert "Retry-After" in search["responses"]["429"]["headers"]
    schemes = document["components"]["securitySchemes"]
    assert {name for way in search["security"] for name in way} == set(schemes)


def test_every_error_code_of_the_table_is_documented(api: Api) -> None:
    text = api.server.client.get("/api/openapi.json").text
    codes = {code for _, code in STATUSES.values()} | {CODES[405][0]}
    assert [code for code in sorted(codes) if f"`{code}`" not in text] == []


@hypothesis.given(
    st.text(alphabet=st.sampled_from("a. \t\n\x00\x1f\x85\xa0\xad\u200b\u2028\u2065\u3000\ufeff"), max_size=6)
    | st.text()
)
def test_the_declared_pattern_takes_exactly_the_queries_that_the_search_takes(text: str) -> None:
    try:
        candidates(text)
    except InputError:
        assert not re.search(QUERY_PATTERN, text)
    else:
        assert re.search(QUERY_PATTERN, text)


def test_the_page_needs_nothing_from_elsewhere(api: Api) -> None:
    for path, (_, media_type) in FILES.items():
        answer = api.server.client.get(path)
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, media_type)
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self'")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        elsewhere = re.findall(r"(?:https?:)?//[\w.-]+\.\w+", answer.text)
        assert set(elsewhere) <= {"http://www.w3.org"}, path  # the name of SVG, which nobody fetches
        assert "style=" not in answer.text
        assert "innerHTML" not in answer.text
    page = api.server.client.get("/docs").text
    for link in re.findall(r'(?:src|href)="(/[^"]*)"', page):
        assert api.server.client.get(link).status_code == 200, link
    assert api.server.client.get("/").headers["Location"] == "/docs"


def test_every_member_of_every_answer_is_described(api: Api) -> None:
    document = api.server.client.get("/api/openapi.json").json()
    schemas = document["components"]["schemas"]
    members = [(name, member, each) for name in schemas for member, each in schemas[name].get("properties", {}).items()]
    assert members
    bare = [(name, member) for name, member, each in members if "description" not in each and "$ref" not in each]
    assert bare == []


def test_the_page_shows_every_member_once_and_a_value_that_the_demonstration_finds(api: Api) -> None:
    """As a browser draws it."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no chromium is installed")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--dump-dom"]
        flags += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
        command = [browser, *flags, "--virtual-time-budget=10000", f"--user-data-dir={profile}"]
        page = subprocess.run(
            [*command, f"{api.server.url}/docs"], capture_output=True, text=True, timeout=120, check=True
        )
    drawn = page.stdout.partition('id="searchIOCs"')[2].partition("</section>")[0]
    shown = re.findall(r"<th scope=\"row\"><code>([^<]+)</code>", drawn)
    answer = api.server.search("192.0.2.10", api.key).json()
    assert [each for each in paths(answer) if each not in shown and "relatedIOCs[]." not in each] == []
    assert len(shown) == len(set(shown))
    assert drawn.count("X-RateLimit-Remaining") == 1
    assert f'value="{VALUE}"' in drawn


def paths(content: object, way: str = "") -> Iterator[str]:
    """The way to each member of a JSON document, as the page writes it."""
    if isinstance(content, dict):
        for name, below in content.items():
            where = f"{way}.{name}".removeprefix(".") + ("[]" if isinstance(below, list) else "")
            yield where
            yield from paths(below, where)
    elif isinstance(content, list):
        yield from (where for each in content[:1] for where in paths(each, way))


def test_schemathesis_finds_nothing(api: Api, tmp_path: Path) -> None:
    """Keys of its own are left out: beside ours they are two keys that disagree, which is a 400 by design."""
    config = tmp_path / "schemathesis.toml"
    config.write_text("[generation]\nwith-security-parameters = false\n")
    command = [str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(config)]
    command += ["run", f"{api.server.url}/api/openapi.json", "--header", f"Authorization: Bearer {api.key}"]
    command += ["--phases", "examples,coverage,fuzzing", "--max-examples", "150", "--no-color"]
    found = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=tmp_path)
    assert found.returncode == 0, found.stdout[-4000:]
    assert "Tested: 5" in found.stdout
    assert '"status":500' not in api.server.log()
