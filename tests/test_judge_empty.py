"""A service that answers nothing, and what else of its surroundings may be amiss: caches, proxies."""

from __future__ import annotations

import json

import pytest

from tests.gemini_server import GeminiServer, Response, no_candidates, says, scores
from tests.judging import KEY, Judging

ONE = ("--repeats", "1", "--no-swap")


@pytest.fixture
def judging(tmp_path, capsys, monkeypatch):
    for name in ("GOOGLE_API_KEY", "GOOGLE_GENAI_USE_VERTEXAI", "GOOGLE_CLOUD_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    return Judging(tmp_path, capsys)


@pytest.fixture
def serve(monkeypatch):
    """A function that starts a server with a script, or with one response for everything,
    and points the client at it."""
    servers = []

    def start(script):
        server = GeminiServer(script if callable(script) else lambda request, number: script)
        servers.append(server.__enter__())
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", server.url)
        return server

    yield start
    for server in servers:
        server.__exit__()


NO_PARTS = {"content": {"role": "model"}, "finishReason": "STOP", "index": 0}
PAID = {"promptTokenCount": 3130, "totalTokenCount": 3130}
USED = json.dumps({"candidates": [NO_PARTS], "usageMetadata": PAID}).encode()


@pytest.mark.parametrize(
    ("response", "known"),
    [
        (Response(200, b""), False),
        (Response(200, b"null"), False),
        (Response(200, b"[]"), False),
        (Response(200, b"{}"), False),
        (Response(200, USED), True),
        (says(""), True),
        (says("{}"), True),
        (no_candidates(), True),
    ],
    ids=["empty_body", "null", "list", "object", "no_parts", "no_text", "object_text", "no_candidates"],
)
def test_an_answer_that_says_nothing_is_asked_again_and_its_cost_is_counted(judging, serve, response, known):
    server = serve(lambda request, number: response if number < 2 else scores(2, 2, 2))
    assert judging(*ONE, "--workers", "1", "--patience.tries", "2", "--budget", "5") == 1
    first, second = judging.scores()
    assert (first["status"], second["status"], len(server.requests)) == ("failed", "ok", 3)
    (answer,) = [a for a in judging.answers() if a["status"] == "failed"]
    assert answer["tries"] == 2 and answer["cost_usd"] > 0
    assert answer["cost_basis"] == ("billed" if known else "assumed")
    assert judging(*ONE, "--workers", "1", "--budget", "5") == 0
    assert [r["status"] for r in judging.scores()] == ["ok", "ok"] and len(server.requests) == 4


def test_an_empty_answer_that_an_earlier_version_kept_as_final_is_asked_again(judging, serve):
    server = serve(scores())
    assert judging(*ONE) == 0
    file = judging.out / "answers.jsonl"
    first, *rest = judging.answers()
    first |= {"status": "invalid", "reason": "the answer is empty", "overall": None, "cached": False}
    file.write_text("".join(json.dumps(a) + "\n" for a in [first, *rest]))
    for cached in (judging.folder / "cache").rglob("*.json"):
        cached.write_text(
            json.dumps({**json.loads(cached.read_text()), "status": "invalid", "reason": first["reason"]})
        )
    assert judging(*ONE) == 0 and len(server.requests) == 3


def test_the_cache_of_answers_is_for_its_owner_only(judging, serve):
    serve(scores())
    judging(*ONE)
    files = list((judging.folder / "cache").rglob("*.json"))
    assert files and {oct(f.stat().st_mode & 0o777) for f in files} == {"0o600"}
    assert {oct(f.parent.stat().st_mode & 0o777) for f in files} == {"0o700"}


def test_a_socks_proxy_says_which_package_it_needs(judging, monkeypatch):
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    assert judging(*ONE) == 2
    assert "a SOCKS proxy (ALL_PROXY), which needs a package: type `uv pip install socksio`" in judging.printed
