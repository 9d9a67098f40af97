"""python -m unittest discover -s sdk/python/tests, with sdk/python on PYTHONPATH."""

import json
import os
import subprocess
import sys
import threading
import time
import unittest
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import hone


class Server:
    """Keeps what it is sent. answers are the statuses of the next requests."""

    def __init__(self):
        self.items, self.paths, self.tokens, self.answers = [], [], [], []
        self.gate = threading.Event()
        self.gate.set()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.gate.wait(20)
                outer.paths.append(self.path)
                outer.tokens.append(self.headers.get("Authorization"))
                items = next(iter(body.values()))
                status, detail = outer.answers.pop(0) if outer.answers else outer.judge(items)
                if status == 200:
                    outer.items += items
                text = json.dumps({"detail": detail, "hint": "mend it"}).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = "http://127.0.0.1:%d" % self.http.server_port
        threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True).start()

    def judge(self, items):
        for i, item in enumerate(items):
            if item.get("label") == "bad" or item.get("features", {}).get("bad"):
                return 400, "item %d: it is bad" % i
            if item.get("label") == "odd":
                return 422, "something is odd"
        return 200, ""

    def close(self):
        self.gate.set()
        self.http.shutdown()
        self.http.server_close()


class LogTest(unittest.TestCase):
    def setUp(self):
        self.server = Server()
        self.addCleanup(self.server.close)

    def log(self, **options):
        options.setdefault("every", 0.02)
        log = hone.Log(options.pop("url", self.server.url), "a model", **options)
        self.addCleanup(log.close, 0.1)
        return log

    def test_sends_what_is_logged(self):
        log = self.log(token="secret")
        at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=2)))
        one = log.prediction({"x": 1.5, "gap": float("nan"), "n": None}, 0.25, version="v1", unit="u", latency_ms=2.5, time=at)
        log.prediction({"x": 2}, scores=(0.5, 0.5), id="mine", action="approved", propensity=0.5)
        log.feedback(one, label=1, source="desk")
        log.feedback("mine", thumb="up")
        self.assertTrue(log.flush())
        self.assertEqual(log.counts(), hone.Counts(sent=4, waiting=0, dropped=0, refused=0, error=""))
        first, second, third, fourth = self.server.items
        self.assertEqual(first, {"prediction_id": one, "features": {"x": 1.5, "gap": None, "n": None}, "score": 0.25,
                                 "time": "2026-01-02T01:04:05Z", "version": "v1", "unit": "u", "latency_ms": 2.5})
        second.pop("time")
        self.assertEqual(second, {"prediction_id": "mine", "features": {"x": 2}, "scores": [0.5, 0.5], "action": "approved", "propensity": 0.5})
        self.assertEqual((third["prediction_id"], third["label"], third["source"]), (one, 1, "desk"))
        self.assertEqual(fourth["thumb"], "up")
        self.assertEqual(self.server.paths, ["/api/v1/models/a%20model/predictions", "/api/v1/models/a%20model/feedback"])
        self.assertEqual(set(self.server.tokens), {"Bearer secret"})

    def test_batches(self):
        log = self.log(batch=10, every=60)
        for i in range(25):
            log.feedback(str(i), label=i)
        log.flush()
        self.assertEqual([i["label"] for i in self.server.items], list(range(25)))
        self.assertEqual(len(self.server.paths), 3)

    def test_tries_again(self):
        self.server.answers = [(503, "busy"), (401, "who are you"), (500, "")]
        log = self.log()
        log.feedback("p", label=1)
        self.assertTrue(log.flush())
        self.assertEqual((len(self.server.items), len(self.server.paths), log.counts().error), (1, 4, ""))

    def test_a_server_that_comes_later(self):
        self.server.close()
        port = self.server.http.server_port
        log = self.log()
        log.feedback("p", label=1)
        self.assertFalse(log.flush(0.3))
        self.assertIn("refused", log.counts().error.lower())
        self.assertEqual(log.counts().waiting, 1)
        http = ThreadingHTTPServer(("127.0.0.1", port), self.server.http.RequestHandlerClass)
        self.server.http = http
        threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True).start()
        self.assertTrue(log.flush())
        self.assertEqual(len(self.server.items), 1)

    def test_leaves_out_what_is_refused(self):
        log = self.log(batch=100, every=60)
        for i in range(60):
            log.feedback(str(i), label="bad" if i in (0, 7, 59) else "odd" if i == 30 else "good")
        log.flush()
        counts = log.counts()
        self.assertEqual((counts.sent, counts.refused, counts.dropped), (56, 4, 0))
        self.assertEqual(len(self.server.items), 56)
        self.assertEqual({i["label"] for i in self.server.items}, {"good"})

    def test_what_is_no_json(self):
        class Odd:
            def item(self):
                raise TypeError("no")

        log = self.log(every=60)
        log.prediction({"x": Odd()}, 0.5)
        log.prediction({"x": 1}, float("nan"))
        log.prediction(None, 0.5)
        log.prediction({"x": 1}, 0.5, id="good")
        log.feedback("good", label=1, time="yesterday")
        log.flush()
        counts = log.counts()
        self.assertEqual((counts.sent, counts.refused, counts.dropped), (1, 2, 2))
        self.assertEqual([i["prediction_id"] for i in self.server.items], ["good"])

    def test_never_waits(self):
        self.server.gate.clear()
        log = self.log(room=50, batch=10)
        began = time.monotonic()
        for i in range(1000):
            log.prediction({"x": i}, 0.5)
        self.assertLess(time.monotonic() - began, 1)
        counts = log.counts()
        self.assertGreaterEqual(counts.dropped, 900)
        self.assertEqual(counts.error, "there is no room")
        self.server.gate.set()
        self.assertTrue(log.flush())
        counts = log.counts()
        self.assertEqual(counts.sent + counts.dropped, 1000)
        self.assertEqual(counts.sent, len(self.server.items))

    def test_closed(self):
        log = self.log()
        with log:
            log.feedback("p", label=1)
        log.feedback("q", label=1)
        self.assertEqual(len(self.server.items), 1)
        self.assertEqual((log.counts().sent, log.counts().dropped), (1, 1))

    def test_gives_up_at_the_end(self):
        self.server.answers = [(503, "busy")] * 1000
        log = self.log()
        log.feedback("p", label=1)
        self.assertFalse(log.close(0.2))
        for _ in range(200):
            if log.counts().dropped:
                break
            time.sleep(0.01)
        self.assertEqual((log.counts().dropped, log.counts().waiting), (1, 0))

    def test_many_threads(self):
        log = self.log(batch=50)
        threads = [threading.Thread(target=lambda: [log.prediction({"x": 1}, 0.5) for _ in range(200)]) for _ in range(8)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertTrue(log.flush())
        self.assertEqual(len({i["prediction_id"] for i in self.server.items}), 1600)

    def test_a_program_that_ends_and_one_that_forks(self):
        program = """
import os, sys, hone
log = hone.Log(sys.argv[1], "m", every=60)
log.feedback("parent", label=1)
if hasattr(os, "fork") and os.fork() == 0:
    log.feedback("child", label=1)
    assert log.flush()
    os._exit(0)
"""
        subprocess.run([sys.executable, "-W", "ignore", "-c", program, self.server.url], check=True, timeout=60)
        for _ in range(500):
            if len(self.server.items) == 2:
                break
            time.sleep(0.01)
        self.assertEqual(sorted(i["prediction_id"] for i in self.server.items), ["child", "parent"])

    def test_refuses_to_begin(self):
        for url, model, options in [("127.0.0.1:8080", "m", {}), ("ftp://x", "m", {}), ("http://", "m", {}),
                                    ("http://x", "", {}), ("http://x", "m", {"batch": 0})]:
            with self.assertRaises(ValueError):
                hone.Log(url, model, **options)

    def test_the_token_of_the_environment(self):
        os.environ["HONE_TOKEN"] = "from outside"
        self.addCleanup(os.environ.pop, "HONE_TOKEN")
        log = self.log()
        log.feedback("p", label=1)
        log.flush()
        self.assertEqual(self.server.tokens, ["Bearer from outside"])


if __name__ == "__main__":
    unittest.main()
