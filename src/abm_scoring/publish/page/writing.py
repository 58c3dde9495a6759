"""The page as one file: template, style, script and data, sealed by a policy that forbids everything else."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import string
from importlib import resources
from pathlib import Path

from abm_scoring.publish.page.content import PageContent

#: Signs that could end the data's element, start a comment, or end a line of script.
_ESCAPED = {sign: f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"}


def write_page(page: PageContent, path: Path) -> None:
    """Write the page as one HTML file (UTF-8) that needs no network and no server.

    - Its Content-Security-Policy allows exactly the script and the style that are in the file, by hash; no request,
      no form, no frame.
    - Data are JSON in an element that is never run; the script puts them on the page as text only.
    - Equal content gives equal bytes.

    Args:
        page: What to show.
        path: File to create; it must not exist.
    """
    with path.open("x", encoding="utf-8", newline="\n") as file:
        file.write(render(page))


def render(page: PageContent) -> str:
    """The page as text."""
    style, script = _read("page.css"), _read("page.js")
    words = page.words.interface.page
    parts = {
        "language": page.words.language,
        "policy": _policy(style, script),
        "title": html.escape(f"{words['title']} – {page.project}"),
        "noscript": html.escape(words["noscript"]),
        "style": style,
        "data": _data(page),
        "script": script,
    }
    return string.Template(_read("page.html")).substitute(parts)


def _read(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    return (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _data(page: PageContent) -> str:
    text = json.dumps(page.as_json(), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.translate({ord(sign): escaped for sign, escaped in _ESCAPED.items()})
