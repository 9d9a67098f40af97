"""Logs predictions and feedback in the background of the program that serves."""

from __future__ import annotations

import atexit
import http.client
import json
import math
import os
import random
import re
import ssl
import threading
import uuid
import weakref
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Deque, Dict, List, Mapping, Optional, Sequence, Tuple
from urllib.parse import quote, urlsplit

Item = Tuple[str, Dict[str, Any]]  # "predictions" or "feedback", and what is sent

LONGEST_PAUSE = 30.0  # seconds between two tries, at most


@dataclass(frozen=True)
class Counts:
    """What became of what was logged."""

    sent: int  # stored by the server, or known to it
    waiting: int
    dropped: int  # there was no room, or no time at the end
    refused: int  # the server will not have it
    error: str  # the last one; "" where all went well since


class Log:
    """Sends what a program predicted, and what came of it, to Hone in batches.

    No call raises, and none waits for the network: what cannot be sent waits in
    memory, up to room items, and is tried again; beyond that it is dropped and
    counted. What the server refuses is left out of its batch, and counted. A
    program that ends gives the rest five seconds. Safe for use by many threads,
    and after a fork.
    """

    def __init__(
        self,
        url: str,
        model: str,
        token: Optional[str] = None,
        *,
        batch: int = 500,
        every: float = 1.0,
        room: int = 10_000,
        timeout: float = 10.0,
    ) -> None:
        """url is the server's, such as http://127.0.0.1:8080; the token is that of
        a principal with the role feedback, HONE_TOKEN where none is given. A batch
        goes when it is full, or every so many seconds. Raises ValueError where
        these cannot be."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("url is %r; it begins with http:// or https:// and names a host" % url)
        if not model:
            raise ValueError("model is empty")
        if batch < 1 or room < 1 or every <= 0 or timeout <= 0:
            raise ValueError("batch, every, room and timeout are above 0")
        self._https, self._host, self._port = parts.scheme == "https", parts.hostname, parts.port
        self._path = parts.path.rstrip("/") + "/api/v1/models/" + quote(model, safe="")
        self._token = token if token is not None else os.environ.get("HONE_TOKEN", "")
        self._batch, self._every, self._room, self._timeout = min(batch, 10_000), every, room, timeout
        self._begin()
        me = weakref.ref(self)
        atexit.register(_at_end, me)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=lambda: _after_fork(me))

    def _begin(self) -> None:
        self._changed = threading.Condition()
        self._queue: Deque[Item] = deque()
        self._thread: Optional[threading.Thread] = None
        self._sending = 0  # taken from the queue, and not yet done with
        self._hurry = self._closed = False
        self._sent = self._dropped = self._refused = 0
        self._error = ""
        self._connection: Optional[http.client.HTTPConnection] = None

    def prediction(
        self,
        features: Mapping[str, Any],
        score: Optional[float] = None,
        scores: Optional[Sequence[float]] = None,
        *,
        id: Optional[str] = None,
        version: str = "",
        unit: str = "",
        latency_ms: float = 0.0,
        action: str = "",
        propensity: Optional[float] = None,
        fault: str = "",
        time: Optional[datetime] = None,
    ) -> str:
        """Logs one answer: score for a binary or regression model, scores, one a
        class, for a multiclass one. Features that are None or not finite are
        missing. A fault says why the version that was to answer did not: the challenger,
        where version names the champion that answered in its place, else the named one,
        without a score. Returns the id by which feedback speaks of it: the given one, or a
        new one."""
        name = id or uuid.uuid4().hex
        try:
            item: Dict[str, Any] = {"prediction_id": name, "features": dict(features), "time": _stamp(time)}
            if score is not None:
                item["score"] = score
            if scores is not None:
                item["scores"] = list(scores)
            for key, value in (("version", version), ("unit", unit), ("latency_ms", latency_ms), ("action", action), ("fault", fault)):
                if value:
                    item[key] = value
            if propensity is not None:
                item["propensity"] = propensity
            self._put(("predictions", item))
        except Exception as e:  # the caller's request comes first
            self._lose(e)
        return name

    def feedback(
        self,
        id: str,
        *,
        label: Any = None,
        correction: Any = None,
        score: Optional[float] = None,
        thumb: str = "",
        source: str = "",
        time: Optional[datetime] = None,
    ) -> None:
        """Logs what became of a prediction: exactly one of label, correction, score
        and thumb ("up" or "down")."""
        try:
            item: Dict[str, Any] = {"prediction_id": id, "time": _stamp(time)}
            for key, value in (("label", label), ("correction", correction), ("score", score)):
                if value is not None:
                    item[key] = value
            for key, text in (("thumb", thumb), ("source", source)):
                if text:
                    item[key] = text
            self._put(("feedback", item))
        except Exception as e:
            self._lose(e)

    def counts(self) -> Counts:
        """What became of what was logged so far."""
        with self._changed:
            waiting = len(self._queue) + self._sending
            return Counts(self._sent, waiting, self._dropped, self._refused, self._error)

    def flush(self, timeout: float = 10.0) -> bool:
        """Sends what waits now, and tells whether it went within so many seconds.
        This call waits."""
        with self._changed:
            self._hurry = True
            self._changed.notify_all()
            return self._changed.wait_for(lambda: not self._queue and not self._sending, timeout)

    def close(self, timeout: float = 5.0) -> bool:
        """Flushes, and ends: what is logged from then on is dropped. Tells whether
        nothing was left; what was left is counted as dropped."""
        done = self.flush(timeout)
        with self._changed:
            self._closed = True
            self._dropped += len(self._queue)
            self._queue.clear()
            self._changed.notify_all()
        return done

    def __enter__(self) -> "Log":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def _put(self, item: Item) -> None:
        with self._changed:
            if self._closed or len(self._queue) >= self._room:
                self._dropped += 1
                self._error = self._error or ("it is closed" if self._closed else "there is no room")
                return
            self._queue.append(item)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="hone-log", daemon=True)
                self._thread.start()
            if len(self._queue) >= self._batch:
                self._changed.notify_all()

    def _lose(self, e: Exception) -> None:
        with self._changed:
            self._dropped += 1
            self._error = "%s: %s" % (type(e).__name__, e)

    def _work(self) -> None:
        while True:
            items = self._take()
            if not items:
                return self._drop_connection()
            for kind in ("predictions", "feedback"):  # a label finds its prediction
                some = [item for k, item in items if k == kind]
                if some:
                    self._send(kind, some)

    def _take(self) -> List[Item]:
        """The next batch, once there is one; none at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._queue)
            self._changed.wait_for(
                lambda: self._closed or self._hurry or len(self._queue) >= self._batch, self._every
            )
            items = [self._queue.popleft() for _ in range(min(self._batch, len(self._queue)))]
            self._sending = len(items)
            return items

    def _done(self, n: int, sent: bool, error: str = "") -> None:
        with self._changed:
            self._sending -= n
            if sent:
                self._sent += n
                self._error = ""
            elif n:
                self._refused += n
                self._error = error
            if not self._queue and not self._sending:
                self._hurry = False
            self._changed.notify_all()

    def _send(self, kind: str, items: List[Dict[str, Any]]) -> None:
        """Sends items until the server has stored or refused each, or it is closed."""
        parts, pause, refused = [items], 0.25, 0
        while parts:
            part = parts.pop()
            status, answer = self._try(kind, part)
            if 200 <= status < 300:
                self._done(len(part), True)
                pause = 0.25
                continue
            if status in (400, 409, 413, 415, 422):
                bad, rest = _split(part, answer)
                self._done(bad, False, answer)
                parts += rest
                refused += 1
                again = refused < 20 or self._wait(0.05, answer)  # spare a server that refuses all
            else:
                parts.append(part)
                again = self._wait(pause, answer)
                pause = min(2 * pause, LONGEST_PAUSE)
            if not again:
                with self._changed:
                    left = sum(map(len, parts))
                    self._dropped += left
                    self._sending -= left
                return

    def _try(self, kind: str, items: List[Dict[str, Any]]) -> Tuple[int, str]:
        """The server's status and words; 0 where it does not answer."""
        try:
            body = json.dumps({kind: [_plain(i) for i in items]}, allow_nan=False).encode()
        except Exception as e:  # what is no JSON will never be
            return 400, "%s: %s" % (type(e).__name__, e)
        try:
            return self._post(kind, body)
        except Exception as e:
            self._drop_connection()
            return 0, "%s: %s" % (type(e).__name__, e)

    def _wait(self, pause: float, error: str) -> bool:
        """Waits to try again; False once it is closed."""
        with self._changed:
            self._error = error
            return not self._changed.wait_for(lambda: self._closed, pause * (0.5 + random.random()))

    def _post(self, kind: str, body: bytes) -> Tuple[int, str]:
        if self._connection is None:
            if self._https:
                self._connection = http.client.HTTPSConnection(
                    self._host, self._port, timeout=self._timeout, context=ssl.create_default_context()
                )
            else:
                self._connection = http.client.HTTPConnection(self._host, self._port, timeout=self._timeout)
        headers = {"Content-Type": "application/json"}
        if self._token:
            headers["Authorization"] = "Bearer " + self._token
        self._connection.request("POST", self._path + "/" + kind, body, headers)
        answer = self._connection.getresponse()
        text = answer.read(1 << 20).decode("utf-8", "replace")
        if answer.status >= 300:
            self._drop_connection()  # what of the body was not read would be the next answer
        return answer.status, "%d: %s" % (answer.status, _said(text))

    def _drop_connection(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _split(items: List[Dict[str, Any]], answer: str) -> Tuple[int, List[List[Dict[str, Any]]]]:
    """How many of the items were refused for good, and the parts to try again: all
    but the item that the server names, or halves."""
    if len(items) == 1:
        return 1, []
    named = re.search(r"item (\d+)\b", answer)
    at = int(named.group(1)) if named else len(items)
    if at < len(items):
        return 1, [items[:at] + items[at + 1 :]]
    return 0, [items[len(items) // 2 :], items[: len(items) // 2]]


def _said(text: str) -> str:
    """What a problem says, or its first words."""
    try:
        problem = json.loads(text)
        return " ".join(str(problem[k]) for k in ("detail", "hint") if problem.get(k)) or text[:200]
    except (ValueError, AttributeError, TypeError):
        return text[:200]


def _stamp(at: Optional[datetime]) -> str:
    at = at or datetime.now(timezone.utc)
    if at.tzinfo is None:
        at = at.astimezone()
    return at.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")


def _plain(item: Dict[str, Any]) -> Dict[str, Any]:
    """The item with features as JSON has them."""
    out = {k: _value(v) for k, v in item.items() if k not in ("features", "scores")}
    if "scores" in item:
        out["scores"] = [_value(v) for v in item["scores"]]
    if "features" in item:
        features = {str(k): _value(v) for k, v in item["features"].items()}
        out["features"] = {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in features.items()}
    return out


def _value(v: Any) -> Any:
    """A plain value: numbers of NumPy and the like tell theirs by item()."""
    if v is None or isinstance(v, (str, bool, int, float)):
        return v
    if hasattr(v, "item"):
        return v.item()
    return str(v)


def _at_end(ref: "weakref.ReferenceType[Log]") -> None:
    log = ref()
    if log is not None and not log._closed:
        log.close()


def _after_fork(ref: "weakref.ReferenceType[Log]") -> None:
    """The parent sends what it has; the child begins anew."""
    log = ref()
    if log is not None:
        closed = log._closed
        log._begin()
        log._closed = closed
