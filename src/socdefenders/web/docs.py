"""The OpenAPI document, and the page at `/docs` that shows it without needing anything from the internet."""

from collections.abc import Awaitable, Callable
from importlib.resources import files

from fastapi import APIRouter, FastAPI
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from socdefenders.web.api.render import Json
from socdefenders.web.api.responses import SECURITY_SCHEMES, errors, success

FILES = {
    "/docs": ("docs.html", "text/html; charset=utf-8"),
    "/docs/docs.css": ("docs.css", "text/css; charset=utf-8"),
    "/docs/docs.js": ("docs.js", "text/javascript; charset=utf-8"),
    "/docs/icon.svg": ("icon.svg", "image/svg+xml"),
}
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


def document(api: FastAPI) -> dict[str, object]:
    """Return the OpenAPI document of `api`."""
    found = api.openapi()
    found["components"]["securitySchemes"] = SECURITY_SCHEMES
    return found


def router(api: FastAPI) -> APIRouter:
    """Declare the document and the page."""
    routes = APIRouter(tags=["Operations"])

    async def openapi(_request: Request) -> Response:
        return Json(document(api), headers={"Cache-Control": "no-cache"})

    async def home(_request: Request) -> Response:
        return RedirectResponse("/docs")

    routes.add_api_route(
        "/api/openapi.json",
        openapi,
        summary="This document",
        response_model=None,
        responses={200: success("OpenAPI 3.1", rated=True), **errors(405, 413, 500, rated=True)},
    )
    routes.add_api_route("/", home, include_in_schema=False)
    for path, (name, media_type) in FILES.items():
        routes.add_api_route(path, _page(name, media_type), include_in_schema=False)
    return routes


def _page(name: str, media_type: str) -> Callable[[Request], Awaitable[Response]]:
    content = files("socdefenders.web").joinpath("static", name).read_bytes()

    async def page(_request: Request) -> Response:
        return Response(content, media_type=media_type, headers=HEADERS)

    return page
