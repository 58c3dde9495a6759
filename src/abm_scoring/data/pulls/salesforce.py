"""Salesforce through simple-salesforce: pages in the order of their last change, so that no cursor can expire."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from abm_scoring.data.pulls.pages import Cursor, Page, Row, TryAgainError, retry_after, safe_address, secret, text
from abm_scoring.data.pulls.spec import SalesforcePull
from abm_scoring.errors import AccessError, ConfigError

_ZONE = re.compile(r"(?<=\d)\+0000$")
#: Codes that come with 4xx and mean "later".
_LATER = ("REQUEST_LIMIT_EXCEEDED", "QUERY_TIMEOUT", "UNABLE_TO_LOCK_ROW", "SERVER_UNAVAILABLE")


class SalesforceClient:
    """Pages of one kind of record, deleted ones included, ordered by `SystemModstamp` and `Id`."""

    id_column, modified_column = "Id", "SystemModstamp"

    def __init__(self, spec: SalesforcePull, where: str) -> None:
        try:
            import simple_salesforce  # noqa: F401 - the extra may not be installed
        except ImportError as error:
            fix = "pip install 'abm-scoring[crm]'"
            raise ConfigError("simple-salesforce is not installed", where=where, fix=fix) from error
        self.spec, self.where = spec, where
        self._api: Any = None
        self._headers: Mapping[str, str] = {}

    def first(self, since: str | None, begun: datetime) -> Cursor:
        """From the first record on, or from a moment on."""
        return {"since": since, "id": ""}

    def page(self, cursor: Cursor) -> Page:
        """The page at a cursor."""
        found = self._asked(cursor)
        if not isinstance(found, Mapping) or not isinstance(found.get("records"), list):
            raise TryAgainError("an answer that is not Salesforce's")
        rows = [self._row(record) for record in found["records"]]
        if len(rows) < self.spec.page_size and found.get("done", True):
            return Page(rows, None)
        last = rows[-1] if rows else {}
        return Page(rows, {"since": last["SystemModstamp"], "id": last["Id"]} if last else None)

    def query(self, cursor: Cursor) -> str:
        """SOQL of the page at a cursor."""
        names = ", ".join(dict.fromkeys(("Id", *self.spec.fields, "SystemModstamp", "IsDeleted")))
        condition = ""
        if cursor["since"]:
            since, last = cursor["since"], cursor["id"]
            condition = f" WHERE SystemModstamp > {since} OR (SystemModstamp = {since} AND Id > '{last}')"
        order = f" ORDER BY SystemModstamp, Id LIMIT {self.spec.page_size}"
        return f"SELECT {names} FROM {self.spec.object}{condition}{order}"

    def _asked(self, cursor: Cursor) -> Any:
        from requests import RequestException
        from simple_salesforce.exceptions import SalesforceAuthenticationFailed, SalesforceError

        try:
            self._api = self._api or self._connected()
            return self._api.query(self.query(cursor), include_deleted=True, timeout=self.spec.timeout_seconds)
        except RequestException as error:
            raise TryAgainError(f"no answer: {type(error).__name__}") from None
        except SalesforceAuthenticationFailed as error:
            raise AccessError(
                f"Salesforce refuses the login: {error.code}", where=self.where, fix="check its variables"
            ) from None
        except SalesforceError as error:
            raise self._refused(error) from None

    def _connected(self) -> Any:
        import requests
        from simple_salesforce import Salesforce

        parts = urlsplit(safe_address(secret(self.spec.url_env, self.where), self.where))
        session = requests.Session()
        session.hooks["response"].append(self._answered)  # the library's errors carry no headers
        if self.spec.key_env and self.spec.secret_env:
            key, hidden = secret(self.spec.key_env, self.where), secret(self.spec.secret_env, self.where)
            return Salesforce(
                consumer_key=key,
                consumer_secret=hidden,
                domain=parts.netloc.removesuffix(".salesforce.com"),
                session=session,
            )
        token = secret(self.spec.token_env or "SALESFORCE_TOKEN", self.where)
        api = Salesforce(instance_url=f"{parts.scheme}://{parts.netloc}", session_id=token, session=session)
        # The library writes https whatever the address says.
        api.base_url = f"{parts.scheme}://{parts.netloc}/{api.base_url.split('/', 3)[3]}"
        return api

    def _answered(self, response: Any, **_: object) -> None:
        self._headers = response.headers

    def _row(self, record: Mapping[str, object]) -> Row:
        row: Row = {}
        for name, value in record.items():
            if name == "attributes":
                continue
            if isinstance(value, dict | list):
                raise ConfigError(f"{name} is made of several values", where=self.where, fix="name its parts instead")
            told = text(value)
            row[name] = _ZONE.sub("Z", told) if told else told
        return row

    def _refused(self, error: Any) -> Exception:
        code = _code(error.content)
        if error.status in (408, 429) or error.status >= 500 or code in _LATER:
            return TryAgainError(f"Salesforce answers {error.status} {code}".strip(), retry_after(self._headers))
        if error.status in (401, 403):
            what = f"Salesforce answers {error.status} {code}".strip()
            return AccessError(what, where=self.where, fix="renew the token, and check that it may read the object")
        what = f"Salesforce answers {error.status} {code}".strip()
        return ConfigError(what, where=self.where, fix="check object and fields")


def _code(content: Any) -> str:
    try:
        told = json.loads(content) if isinstance(content, bytes | str) else content
        return str(told[0]["errorCode"])
    except (ValueError, LookupError, TypeError):
        return ""
