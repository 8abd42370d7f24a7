"""A stand-in for Gemini's generateContent on 127.0.0.1: it plays whatever a test needs and keeps what it was sent."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MOST_REQUESTS = 300
SLOWEST_S = 20.0


@dataclass(frozen=True)
class Request:
    """One request as it came in."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def parts(self) -> list[dict[str, Any]]:
        return self.body["contents"][0]["parts"]

    @property
    def text(self) -> str:
        return "\n".join(p["text"] for p in self.parts if "text" in p)

    @property
    def pictures(self) -> list[str]:
        return [p["inlineData"]["data"] for p in self.parts if "inlineData" in p]


@dataclass(frozen=True)
class Response:
    """What to send back. ``late``: only once the server closes; ``dead``: cut the connection without a word."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    late: bool = False
    dead: bool = False


Script = Callable[[Request, int], Response]


class GeminiServer:
    """Answers by ``script(request, number)``, number counting from 0. Use it as a context."""

    def __init__(self, script: Script):
        self.script, self.requests = script, []
        self._lock, self._closing = threading.Lock(), threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> GeminiServer:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()

    def response_to(self, request: Request) -> Response:
        with self._lock:
            number = len(self.requests)
            self.requests.append(request)
        if number >= MOST_REQUESTS:
            return error(400, "INVALID_ARGUMENT", "the stand-in has answered enough")
        return self.script(request, number)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["content-length"]))
                headers = {k.lower(): v for k, v in self.headers.items()}
                outer.send(self, outer.response_to(Request(self.path, headers, json.loads(content))))

        return Handler

    def send(self, handler: BaseHTTPRequestHandler, response: Response) -> None:
        if response.late:
            self._closing.wait(SLOWEST_S)
        if response.late or response.dead:
            handler.close_connection = True
            return
        handler.send_response(response.status)
        for name, value in {"content-type": "application/json", **response.headers}.items():
            handler.send_header(name, value)
        handler.send_header("content-length", str(len(response.body)))
        handler.end_headers()
        handler.wfile.write(response.body)


def _json(data: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(status, json.dumps(data).encode(), headers or {})


def says(text: str, finish: str = "STOP", tokens: tuple[int, int, int] = (1000, 40, 200)) -> Response:
    """An answer with this text and token counts (prompt, answer, thoughts)."""
    candidate = {"content": {"role": "model", "parts": [{"text": text}]}, "finishReason": finish, "index": 0}
    return _json({"candidates": [candidate], **_about(tokens)})


def scores(semantic: Any = 4, temporal: Any = 3, geometric: Any = 5) -> Response:
    """A good answer."""
    verdict = {"semantic": semantic, "temporal": temporal, "geometric": geometric, "comment": "close"}
    return says(json.dumps(verdict))


def withheld(reason: str = "SAFETY") -> Response:
    """An answer that was begun and withheld."""
    return _json({"candidates": [{"finishReason": reason, "index": 0}], **_about((1000, 0, 0))})


def blocked(reason: str = "PROHIBITED_CONTENT") -> Response:
    """A request that was refused before it was read."""
    return _json({"promptFeedback": {"blockReason": reason}, **_about((1000, 0, 0))})


def no_candidates() -> Response:
    return _json({"candidates": [], **_about((1000, 0, 0))})


def error(status: int, name: str, message: str, details: tuple[Any, ...] = ()) -> Response:
    return _json({"error": {"code": status, "message": message, "status": name, "details": list(details)}}, status)


def busy(seconds: float, header: bool = False) -> Response:
    """429 with the wait asked for in Google's RetryInfo, or in a Retry-After header."""
    kind = "type.googleapis.com/google.rpc.RetryInfo"
    details = [] if header else [{"@type": kind, "retryDelay": f"{seconds}s"}]
    body = {"error": {"code": 429, "message": "quota", "status": "RESOURCE_EXHAUSTED", "details": details}}
    return _json(body, 429, {"retry-after": f"{seconds:g}"} if header else {})


def _about(tokens: tuple[int, int, int]) -> dict[str, Any]:
    prompt, answer, thoughts = tokens
    usage = {"promptTokenCount": prompt, "candidatesTokenCount": answer, "thoughtsTokenCount": thoughts}
    return {
        "usageMetadata": {**usage, "totalTokenCount": sum(tokens)},
        "modelVersion": "gemini-stand-in-001",
        "responseId": "response-7",
    }
