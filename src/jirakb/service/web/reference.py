"""What can be asked over HTTP, for people? A page of HTML and a page of markdown, both made from the OpenAPI."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

import orjson

Schema = Mapping[str, Any]


def html_page(schema: Schema) -> str:
    """The page at /docs: no script, nothing from elsewhere."""
    title = escape(f"{schema['info']['title']} {schema['info']['version']}")
    head = f'<title>{title}</title><meta charset="utf-8"><link rel="stylesheet" href="/docs/style.css">'
    return f'<!doctype html><html lang="en"><head>{head}</head><body><h1>{title}</h1>{"".join(_html(schema))}</body></html>'


def markdown_page(schema: Schema) -> str:
    """The page docs/reference/http.md."""
    return "\n".join(_markdown(schema)).rstrip() + "\n"


STYLE = """body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
code, pre { font: 14px/1.4 ui-monospace, monospace; } pre { overflow-x: auto; padding: .5rem; background: #8881; }
h3 code { font-size: 1rem; } td, th { text-align: left; vertical-align: top; padding: .2rem 1rem .2rem 0; }
@media (prefers-color-scheme: dark) { body { background: #111; color: #ddd; } a { color: #8bf; } }
"""


def _html(schema: Schema) -> Iterator[str]:
    for paragraph in schema["info"]["description"].split("\n\n"):
        yield f"<p>{escape(paragraph)}</p>"
    yield '<p><a href="/openapi.json">openapi.json</a></p>'
    for tag, operations in _by_tag(schema).items():
        yield f"<h2>{escape(tag)}</h2>"
        for method, path, operation in operations:
            yield f"<h3><code>{method} {escape(path)}</code></h3><p>{escape(operation.get('description', ''))}</p>"
            if request := _request(operation):
                yield f"<p>Body: {escape(_shape(request))}</p>"
                yield f"<pre>{escape(_example(schema, request))}</pre>"
            rows = "".join(f"<tr><td>{status}</td><td>{escape(words)}</td></tr>" for status, words in _told(operation))
            yield f"<table><tr><th>answer</th><th>meaning</th></tr>{rows}</table>"


def _markdown(schema: Schema) -> Iterator[str]:
    yield from ("# HTTP", "", schema["info"]["description"], "")
    yield from ("The whole, with every field and example, is `/openapi.json` of a running `jirakb serve`.", "")
    for tag, operations in _by_tag(schema).items():
        yield from (f"## {tag.capitalize()}", "")
        for method, path, operation in operations:
            yield from (f"### `{method} {path}`", "", operation.get("description", ""), "")
            yield from _parameters(operation)
            if request := _request(operation):
                yield from (f"Body: {_shape(request)}", "", "```json", _example(schema, request), "```", "")
            yield from ("| answer | meaning |", "|---|---|")
            yield from (f"| {status} | {_cell(words)} |" for status, words in _told(operation))
            yield ""


def _by_tag(schema: Schema) -> dict[str, list[tuple[str, str, Schema]]]:
    found: dict[str, list[tuple[str, str, Schema]]] = {tag["name"]: [] for tag in schema.get("tags", ())}
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            found.setdefault((operation.get("tags") or ["other"])[0], []).append((method.upper(), path, operation))
    return found


def _parameters(operation: Schema) -> Iterator[str]:
    rows = [
        f"| `{one['name']}` | {one['in']} | {_cell(one.get('description', ''))} |"
        for one in operation.get("parameters", ())
        if one["in"] != "cookie"
    ]
    if rows:
        yield from ("| parameter | in | meaning |", "|---|---|---|", *rows, "")


def _request(operation: Schema) -> Schema:
    body: Schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    return body


def _shape(body: Schema) -> str:
    return _name(body) or "JSON"


def _name(body: Schema) -> str:
    choices = [body, *body.get("anyOf", ())]
    return next((str(one["$ref"]).rpartition("/")[2] for one in choices if "$ref" in one), "")


def _example(schema: Schema, body: Schema) -> str:
    model = schema["components"]["schemas"].get(_name(body), {})
    return orjson.dumps((model.get("examples") or [{}])[0], option=orjson.OPT_INDENT_2).decode()


def _told(operation: Schema) -> Iterator[tuple[str, str]]:
    for status, answer in sorted(operation["responses"].items()):
        content = answer.get("content", {}).get("application/json", {}).get("schema", {})
        name = _name(content)
        yield status, f"{answer.get('description', '')}" + (f" ({name})" if name else "")


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
