"""HubSpot and Salesforce on loopback: they hold records, and fail, throttle and fall silent when told to."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

#: Seconds that a silent service keeps its caller waiting, and the callers' patience, which a busy machine must not try.
SILENCE, PATIENCE = 3.0, 2.0


def millis(moment: str) -> int:
    return round(datetime.fromisoformat(moment.replace("Z", "+00:00")).timestamp() * 1000)


@dataclass
class Service:
    """What both services have in common.

    Attributes:
        records: Id → fields, `modified` among them.
        faults: Request number, from 0 → `throttle`, `fail`, `silence`, `refuse`, `html` (a proxy's page), `cut` (half
            an answer, then the end) or `stall` (half an answer, then nothing more).
        die_at: From this request on, nothing answers.
        asked: Path of every request that came.
        tokens: Authorization headers that came.
        agents: What called itself a caller.
        stalled: Set while an answer stalls.
        released: Set to let it end.
    """

    records: dict[str, dict[str, Any]]
    faults: dict[int, str] = field(default_factory=dict)
    die_at: int = 10**9
    asked: list[str] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    agents: set[str] = field(default_factory=set)
    stalled: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    def answer(self, path: str, query: dict[str, list[str]], body: Any) -> Any:
        raise NotImplementedError


class HubSpotStub(Service):
    def answer(self, path: str, query: dict[str, list[str]], body: Any) -> Any:
        if path.endswith("/associations/deals/companies/batch/read"):
            found = [
                {"from": {"id": i["id"]}, "to": [self._link(9, None), self._link(70 + int(i["id"]), "Primary")]}
                for i in body["inputs"]
            ]
            at = "2026-01-01T00:00:00Z"
            return {"status": "COMPLETE", "startedAt": at, "completedAt": at, "results": found}
        modified = "lastmodifieddate" if "/contacts" in path else "hs_lastmodifieddate"
        wanted = body["properties"] if body else query["properties"]
        every = sorted(self.records, key=int)
        limit, after = int(body["limit"] if body else query["limit"][0]), 0
        if body:
            since = int(body["filterGroups"][0]["filters"][0]["value"])
            every = [i for i in every if millis(self.records[i]["modified"]) >= since]
            every.sort(key=lambda i: (millis(self.records[i]["modified"]), -int(i)))
            after = int(body.get("after") or 0)
        else:
            every = [i for i in every if int(i) > int(query.get("after", ["0"])[0])]
        shown = every[after : after + limit]
        results = [self._record(i, modified, wanted) for i in shown]
        following = (
            {"next": {"after": str(after + limit) if body else shown[-1]}} if after + limit < len(every) else None
        )
        return {"results": results, "total": len(every), **({"paging": following} if following else {})}

    def _record(self, i: str, modified: str, wanted: list[str]) -> dict[str, Any]:
        fields = {**self.records[i], modified: self.records[i]["modified"]}
        at = self.records[i]["modified"]
        properties = {name: fields.get(name) for name in wanted}
        return {"id": i, "properties": properties, "createdAt": at, "updatedAt": at, "archived": False}

    @staticmethod
    def _link(company: int, label: str | None) -> dict[str, Any]:
        kind = {"category": "HUBSPOT_DEFINED", "typeId": 5, "label": label}
        return {"toObjectId": company, "associationTypes": [kind]}


class SalesforceStub(Service):
    def answer(self, path: str, query: dict[str, list[str]], body: Any) -> Any:
        assert path.endswith("/queryAll/")
        soql = query["q"][0]
        names = re.match(r"SELECT (.*?) FROM", soql)[1].split(", ")  # type: ignore[index]
        limit = int(soql.rsplit(" ", 1)[1])
        rows = sorted(
            ({"Id": i, **r, "SystemModstamp": r["modified"]} for i, r in self.records.items()), key=self._order
        )
        bound = re.search(r"SystemModstamp = (\S+) AND Id > '(\w*)'", soql)
        if bound:
            rows = [r for r in rows if self._order(r) > (millis(bound[1]), bound[2])]
        shown = [{"attributes": {"type": "Account"}, **{n: self._value(r, n) for n in names}} for r in rows[:limit]]
        return {"totalSize": len(shown), "done": True, "records": shown}

    @staticmethod
    def _value(row: dict[str, Any], name: str) -> Any:
        if name == "SystemModstamp":
            return row["modified"].replace("Z", "+0000")
        return row.get(name, False if name == "IsDeleted" else None)

    @staticmethod
    def _order(row: dict[str, Any]) -> tuple[int, str]:
        return millis(row["modified"]), row["Id"]


@contextmanager
def served(service: Service) -> Iterator[Service]:
    """The service on a free port of this machine, for as long as the block runs."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(None)

        def do_POST(self) -> None:
            self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def _answer(self, body: Any) -> None:
            number = len(service.asked)
            parts = urlsplit(self.path)
            service.asked.append(self.path)
            service.tokens.add(self.headers.get("Authorization", ""))
            service.agents.add(self.headers.get("User-Agent", ""))
            fault = "fail" if number >= service.die_at else service.faults.get(number, "")
            if fault == "silence":
                time.sleep(SILENCE)
            status = {"throttle": 429, "fail": 503, "refuse": 401}.get(fault, 200)
            found = [{"errorCode": fault}] if status != 200 else service.answer(parts.path, parse_qs(parts.query), body)
            told = b"<html>results</html>" if fault == "html" else json.dumps(found).encode()
            try:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(told)))
                if fault == "throttle":
                    self.send_header("Retry-After", "7")
                self.end_headers()
                if fault in ("cut", "stall"):
                    self.wfile.write(told[: len(told) // 2])
                    self.wfile.flush()
                    if fault == "stall":
                        service.stalled.set()
                        service.released.wait(60)
                    self.close_connection = True
                    return
                self.wfile.write(told)
            except (BrokenPipeError, ConnectionResetError):
                pass

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    service.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
