"""The OpenAPI document, the page that shows it and the server say the same."""

import re
from pathlib import Path

import orjson
import pytest
import schemathesis
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.schemas import OpenApiSchema

from tests.web.conftest import Api

PAGES = {"/", "/docs", "/docs/docs.css", "/docs/docs.js", "/docs/icon.svg"}


def test_every_documented_endpoint_is_served_and_every_served_one_documented(api: Api) -> None:
    from socdefenders.settings import Settings
    from socdefenders.web.app import Application

    document = api.server.client.get("/api/openapi.json").json()
    for path, methods in document["paths"].items():
        assert list(methods) == ["get"]
        assert api.server.client.get(path).status_code not in {404, 405}, path
    app = Application(Settings(data_dir=Path()), dsn="postgresql:///nowhere", lifespan=False)
    assert _paths(app.api.routes) == set(document["paths"]) | PAGES
