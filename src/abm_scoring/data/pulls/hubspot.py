"""HubSpot through its official client: everything by id, changes by their time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from abm_scoring.data.pulls.pages import Cursor, Page, Row, TryAgainError, iso, retry_after, safe_address, secret, text
from abm_scoring.data.pulls.spec import HubSpotPull
from abm_scoring.errors import AccessError, ConfigError, ServiceError

#: The search gives no more of one condition.
_MOST_FOUND = 10_000


class HubSpotClient:
    """Pages of one kind of record.

    All records come from the list, whose order does not change while it is read; a pull of changes asks the search for
    what changed at or after the last change seen, so that records which change meanwhile come again at its end.
    """

    id_column = "id"

    def __init__(self, spec: HubSpotPull, where: str) -> None:
        try:
            import hubspot
            from urllib3.util.retry import Retry
        except ImportError as error:
            fix = "pip install 'abm-scoring[crm]'"
            raise ConfigError("hubspot-api-client is not installed", where=where, fix=fix) from error
        self.spec, self.where, self.modified_column = spec, where, spec.modified
        token = secret(spec.token_env, where)
        self._api: Any = hubspot.HubSpot(
            access_token=token, host=safe_address(spec.host, where), retry=Retry(total=0, redirect=0)
        )

    def first(self, since: str | None, begun: datetime) -> Cursor:
        """From the beginning of the list, or from a moment on."""
        return {"after": None, "since": since, "begun": iso(begun)}

    def page(self, cursor: Cursor) -> Page:
        """The page at a cursor, with companies where they are asked for."""
        found = self._asked(lambda: self._list(cursor) if cursor["since"] is None else self._search(cursor))
        rows = [self._row(record) for record in found.results]
        if self.spec.companies and rows:
            companies = self._companies([str(r["id"]) for r in rows])
            rows = [{**r, "associatedcompanyid": companies.get(str(r["id"]))} for r in rows]
        following = found.paging.next.after if found.paging and found.paging.next else None
        return Page(rows, self._next(cursor, rows, following))

    def _next(self, cursor: Cursor, rows: Sequence[Row], after: str | None) -> Cursor | None:
        if after is None:
            return None
        last = rows[-1].get(self.modified_column) if rows else None
        if cursor["since"] is None or last is None or _millis(last) <= _millis(cursor["since"]):
            if cursor["since"] is not None and int(after) >= _MOST_FOUND:
                what = f"more than {_MOST_FOUND} {self.spec.object} changed at one moment"
                raise ServiceError(what, where=self.where, fix="pull everything with --full")
            return {**cursor, "after": after}
        return {**cursor, "since": last, "after": None}

    def _list(self, cursor: Cursor) -> Any:
        wanted = {"properties": list(self._properties), "limit": self.spec.page_size}
        after = {"after": cursor["after"]} if cursor["after"] else {}
        return self._api.crm.objects.basic_api.get_page(self.spec.object, **wanted, **after, **self._limit)

    def _search(self, cursor: Cursor) -> Any:
        name = self.spec.modified
        since = str(_millis(str(cursor["since"])))
        request = {
            "filterGroups": [{"filters": [{"propertyName": name, "operator": "GTE", "value": since}]}],
            "sorts": [{"propertyName": name, "direction": "ASCENDING"}],
            "properties": list(self._properties),
            "limit": self.spec.page_size,
            **({"after": cursor["after"]} if cursor["after"] else {}),
        }
        return self._api.crm.objects.search_api.do_search(self.spec.object, request, **self._limit)

    def _companies(self, ids: Sequence[str]) -> dict[str, str]:
        """Record → its primary company, else the one of the smallest id."""
        api = self._api.crm.associations.v4.batch_api
        inputs = {"inputs": [{"id": i} for i in ids]}
        found = self._asked(lambda: api.get_page(self.spec.object, "companies", inputs, **self._limit))
        owners: dict[str, str] = {}
        for one in found.results:
            ranked = sorted((not _primary(link), int(link.to_object_id)) for link in one.to)
            if ranked:
                owners[str(one._from.id)] = str(ranked[0][1])
        return owners

    @property
    def _properties(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.spec.properties, self.spec.modified)))

    @property
    def _limit(self) -> dict[str, float]:
        return {"_request_timeout": self.spec.timeout_seconds}

    def _row(self, record: Any) -> Row:
        known: Mapping[str, object] = record.properties or {}
        return {"id": str(record.id), **{name: text(known.get(name)) for name in self._properties}}

    def _asked(self, call: Any) -> Any:
        from urllib3.exceptions import HTTPError

        try:
            found = call()
        except HTTPError as error:
            raise TryAgainError(f"no answer: {type(error).__name__}") from None
        except (TypeError, ValueError, LookupError, AttributeError):
            found = None  # what the client stumbles over
        except Exception as error:
            status = getattr(error, "status", None)
            if status is None:
                raise
            raise self._refused(int(status), getattr(error, "headers", None)) from None
        if getattr(found, "results", None) is None:  # it takes a proxy's page of HTML for an empty answer
            raise TryAgainError("an answer that is not HubSpot's")
        return found

    def _refused(self, status: int, headers: Mapping[str, str] | None) -> Exception:
        if status == 0:  # how the client tells of a failed handshake
            return TryAgainError("no secure connection")
        if status in (408, 429) or status >= 500:
            return TryAgainError(f"HubSpot answers {status}", retry_after(headers))
        if status in (401, 403):
            what = f"HubSpot answers {status}: the token is not valid, or may not read {self.spec.object}"
            return AccessError(what, where=self.where, fix=f"check ${self.spec.token_env} and its scopes")
        return ConfigError(
            f"HubSpot answers {status} to the request", where=self.where, fix="check object and properties"
        )


def _primary(link: Any) -> bool:
    return any((kind.label or "").lower() == "primary" for kind in link.association_types)


def _millis(moment: str) -> int:
    return round(datetime.fromisoformat(moment.replace("Z", "+00:00")).timestamp() * 1000)
