"""The Gemini provider end to end, through google-genai, against a server on this machine."""

from __future__ import annotations

import base64
import json
import logging

import pytest

from tests.gemini_server import (
    GeminiServer,
    Response,
    blocked,
    busy,
    error,
    says,
    scores,
    withheld,
)
from tests.judging import KEY, Judging, write_pairs

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


def test_every_pair_is_judged_three_times_in_both_orders_and_everything_about_it_is_kept(judging, serve):
    server = serve(scores(4, 3, 5))
    assert judging() == 0
    assert len(server.requests) == 12
    answers = judging.answers()
    assert {(a["pair"], a["repeat"], a["order"]) for a in answers} == {
        (f"pair-{p}", r, o) for p in (0, 1) for r in (1, 2, 3) for o in ("reference_first", "generated_first")
    }
    for a in answers:
        assert (a["semantic"], a["temporal"], a["geometric"], a["overall"]) == (4, 3, 5, 4)
        assert a["model"] == "gemini-3.1-pro-preview" and a["judge"] == "language_model"
        assert (a["model_version"], a["response_id"], a["finish_reason"]) == (
            "gemini-stand-in-001",
            "response-7",
            "STOP",
        )
        assert a["usage"] == {"input": 1000, "output": 40, "thinking": 200, "total": 1240}
        assert json.loads(a["raw"])["comment"] == "close" and a["rubric_version"] == "1"
        # 1000 tokens at $2 and 240 at $12 per million
        assert a["cost_usd"] == pytest.approx(0.00488) and a["cost_basis"] == "billed"
        assert [f["index"] for f in a["reference_frames"]] == [0, 2, 3, 5]
    assert judging.summary()["judge"]["cost_usd"] == pytest.approx(12 * 0.00488)


def test_the_request_has_the_rubric_the_sampling_and_the_frames_that_are_kept(judging, serve):
    server = serve(scores())
    judging(*ONE)
    request = server.requests[0]
    assert request.path == "/v1beta/models/gemini-3.1-pro-preview:generateContent"
    assert "Semantic" in request.body["systemInstruction"]["parts"][0]["text"]
    config = request.body["generationConfig"]
    assert (config["temperature"], config["seed"], config["maxOutputTokens"]) == (0.0, 1, 8192)
    assert config["responseMimeType"] == "application/json" and config["mediaResolution"] == "MEDIA_RESOLUTION_LOW"
    kept = {f.read_bytes() for f in (judging.out / "frames").iterdir()}
    assert len(request.pictures) == 8 and {base64.urlsafe_b64decode(p) for p in request.pictures} <= kept


def test_a_judge_sees_no_name_no_id_and_not_which_clip_is_the_reference(judging, serve):
    server = serve(scores())
    pairs = write_pairs(
        judging.folder / "named", 1, instruction="lift the cup", task="T", direction="robot_to_human", method="ours"
    )
    judging("--repeats", "1", pairs=pairs)
    first, second = server.requests
    for request in server.requests:
        sent = json.dumps(request.body)
        for hidden in ("secret", "pair-0", "reference", "generated", "robot_to_human", "ours", str(judging.folder)):
            assert hidden not in sent
        assert "lift the cup" in request.text
    assert first.text == second.text
    assert first.pictures == second.pictures[4:] + second.pictures[:4]


def test_without_swap_the_order_is_drawn_from_the_clips_so_that_neither_role_is_always_first(judging, serve):
    serve(scores())
    judging("--no-swap", "--repeats", "2", pairs=write_pairs(judging.folder / "many", 8))
    orders = [a["order"] for a in judging.answers()]
    assert len(orders) == 16 and 4 <= orders.count("reference_first") <= 12


@pytest.mark.parametrize(
    ("response", "status", "reason"),
    [
        (says("The clips look alike to me, 4 out of 5."), "invalid", "the answer is prose, not JSON (39 characters)"),
        (says('{"semantic": 4, "temporal"'), "invalid", "the answer breaks off or is malformed JSON (26 characters)"),
        (
            says('{"semantic": 4, "tem', "MAX_TOKENS"),
            "invalid",
            "the answer breaks off or is malformed JSON (20 characters); it reached max_output_tokens",
        ),
        (
            says('```json\n{"semantic": 4, "temporal": 4, "geometric": 4}\n```'),
            "invalid",
            "the answer is wrapped in a code fence; bare JSON was asked for",
        ),
        (scores(semantic=9), "invalid", "semantic: input should be less than or equal to 5, got 9"),
        (scores(temporal=0), "invalid", "temporal: input should be greater than or equal to 1, got 0"),
        (scores(geometric=3.5), "invalid", "geometric: input should be a valid integer, got 3.5"),
        (scores(geometric="4"), "invalid", 'geometric: input should be a valid integer, got "4"'),
        (says('{"semantic": 4, "temporal": 4}'), "invalid", "geometric: field required"),
        (withheld("SAFETY"), "refused", "the answer was withheld: SAFETY"),
        (blocked("PROHIBITED_CONTENT"), "refused", "the request was blocked: PROHIBITED_CONTENT"),
    ],
    ids=[
        "prose",
        "half",
        "cut",
        "fence",
        "nine",
        "zero",
        "half_point",
        "text",
        "lacks",
        "safety",
        "blocked",
    ],
)
def test_an_answer_that_is_no_verdict_is_missing_with_its_reason_and_not_paid_for_again(
    judging, serve, response, status, reason
):
    server = serve(lambda request, number: response if number == 0 else scores(2, 2, 2))
    assert judging(*ONE, "--workers", "1") == 1
    first, second = judging.scores()
    assert (first["status"], first["reason"], first["semantic"], first["overall"]) == (status, reason, "", "")
    assert second["status"] == "ok" and float(second["overall"]) == 2
    assert reason in judging.report() and reason in judging.printed
    row = judging.summary()["rows"][0]
    assert row["scores"]["overall"]["value"] == 2 and row["scores"]["overall"]["n"] == 1 and row["pairs"] == 2
    rate = {"invalid": "parse_failure_rate", "refused": "refusal_rate"}[status]
    assert judging.summary()["judge"][rate] == 0.5
    judging(*ONE)
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        (error(500, "INTERNAL", "oops"), "500 INTERNAL: oops"),
        (error(503, "UNAVAILABLE", "overloaded"), "503 UNAVAILABLE: overloaded"),
        (busy(0), "429 RESOURCE_EXHAUSTED: quota"),
        (Response(502, b"<html>bad gateway</html>", {"content-type": "text/html"}), "502"),
        (Response(200, b"<html>a login page</html>"), "the endpoint answered something that is not JSON"),
        (Response(late=True), "no answer within 0.3 s"),
        (Response(dead=True), "the endpoint cannot be reached"),
    ],
    ids=["500", "503", "429", "html", "not_json", "slow", "cut_off"],
)
def test_a_failure_of_the_service_is_a_missing_row_that_the_next_run_asks_for(judging, serve, response, reason):
    failing = True
    server = serve(lambda request, number: response if failing else scores())
    options = (*ONE, "--patience.tries", "2", "--patience.timeout-s", "0.3")
    assert judging(*options) == 1
    for row in judging.scores():
        assert row["status"] == "failed" and reason in row["reason"] and row["overall"] == ""
    assert len(server.requests) == 4  # two pairs, two tries
    assert judging.summary()["rows"][0]["scores"]["overall"]["value"] is None
    failing = False
    assert judging(*ONE) == 0
    assert [r["status"] for r in judging.scores()] == ["ok", "ok"] and len(server.requests) == 6


def test_a_dead_endpoint_stops_the_run_after_some_failures_and_says_so(judging, monkeypatch):
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", "http://127.0.0.1:9")  # discard: nothing listens
    assert judging("--patience.tries", "1", "--patience.give-up-after", "3", "--workers", "1") == 1
    assert "3 questions in a row failed, the last one with: the endpoint cannot be reached" in judging.printed
    statuses = [r["status"] for r in judging.scores()]
    assert statuses == ["failed"] * 3 + ["not asked"] * 9


def test_a_retry_succeeds_and_the_answer_says_how_many_tries_it_took(judging, serve):
    serve(lambda request, number: error(500, "INTERNAL", "oops") if number < 2 else scores())
    assert judging(*ONE, pairs=write_pairs(judging.folder / "one", 1)) == 0
    assert judging.answers()[0]["tries"] == 3


@pytest.mark.parametrize("header", [False, True], ids=["RetryInfo", "Retry-After"])
def test_the_wait_that_the_server_asks_for_is_kept(judging, serve, monkeypatch, header):
    from evaluators.judge.asking import session

    waits = []
    original = session.persist
    monkeypatch.setattr(
        session, "persist", lambda ask, patience, wait: original(ask, patience, lambda s: waits.append(s))
    )
    serve(lambda request, number: busy(7, header) if number == 0 else scores())
    assert judging(*ONE, pairs=write_pairs(judging.folder / "one", 1)) == 0
    assert waits == [7.0]


def test_a_wait_longer_than_allowed_leaves_the_question_open(judging, serve):
    server = serve(busy(3600))
    assert judging(*ONE) == 1
    assert "the server asks to wait 3600 s, more than --patience.longest-wait-s" in judging.scores()[0]["reason"]
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    "response",
    [
        error(
            400,
            "INVALID_ARGUMENT",
            "API key not valid",
            ({"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"},),
        ),
        error(403, "PERMISSION_DENIED", "no"),
        error(404, "NOT_FOUND", "no such model"),
    ],
    ids=["bad_key", "403", "404"],
)
def test_what_would_fail_every_question_stops_the_run_at_once(judging, serve, response):
    server = serve(response)
    assert judging("--workers", "1") == 1
    assert len(server.requests) == 1
    assert "no question can be answered: 4" in judging.printed


def test_without_a_key_the_message_says_how_to_give_one(judging, monkeypatch):
    monkeypatch.delenv("GEMINI_API_KEY")
    assert judging() == 2
    assert "export GEMINI_API_KEY" in judging.printed and "--provider programmatic" in judging.printed
    assert not (judging.out / "answers.jsonl").exists()


def test_the_key_is_sent_and_never_written_or_printed_even_when_the_server_repeats_it(judging, serve, caplog):
    caplog.set_level(logging.DEBUG)
    told = error(400, "INVALID_ARGUMENT", f"bad request with key {KEY}")
    server = serve(lambda request, number: told if number == 0 else says(f"your key is {KEY}"))
    judging(*ONE, "--workers", "1")
    assert server.requests[0].headers["x-goog-api-key"] == KEY
    written = [f for f in judging.folder.rglob("*") if f.is_file()]
    assert any(f.name == "answers.jsonl" for f in written) and any("cache" in f.parts for f in written)
    assert not [f for f in written if KEY.encode() in f.read_bytes()]
    assert "[key]" in judging.report() and KEY not in judging.printed and KEY not in caplog.text


def test_the_key_is_not_printed_when_the_server_repeats_it_in_an_error_that_stops_the_run(judging, serve):
    serve(error(403, "PERMISSION_DENIED", f"the key {KEY} may not"))
    assert judging(*ONE) == 1
    assert "The run ended early: no question can be answered: 403 PERMISSION_DENIED: the key [key]" in judging.printed
    assert KEY not in judging.printed


def test_a_run_that_died_goes_on_where_it_was_without_paying_twice(judging, serve):
    server = serve(scores())
    judging()
    lines = (judging.out / "answers.jsonl").read_bytes().splitlines(keepends=True)
    (judging.out / "answers.jsonl").write_bytes(b"".join(lines[:7]) + lines[7][:40])  # killed while writing the eighth
    for file in (judging.folder / "cache").rglob("*.json"):
        file.unlink()
    assert judging() == 0
    assert len(server.requests) == 12 + 5
    assert len({a["key"] for a in judging.answers()}) == 12


def test_another_run_takes_the_answers_from_the_cache_whatever_the_files_and_ids_are_called(judging, serve):
    server = serve(scores())
    judging()
    for clip in judging.pairs.parent.glob("*.npy"):
        clip.rename(clip.with_name(clip.name.replace("secret", "renamed")))
    text = judging.pairs.read_text().replace("secret", "renamed").replace("pair-", "other-")
    judging.pairs.write_text(text)
    judging.out = judging.folder / "second"
    assert judging() == 0
    assert len(server.requests) == 12
    assert {a["cached"] for a in judging.answers()} == {True}
    assert judging.summary()["judge"]["cost_usd"] == 0 and "12 from the cache" in judging.report()


@pytest.mark.parametrize(
    "change",
    [("--model", "gemini-2.5-flash"), ("--frames", "3"), ("--gemini.api-version", "v1alpha")],
    ids=lambda c: c[0],
)
def test_a_change_that_can_move_a_score_needs_another_folder_and_new_answers(judging, serve, change):
    server = serve(scores())
    judging(*ONE)
    assert judging(*ONE, *change) == 2
    assert "was judged with other settings" in judging.printed and change[1] in judging.printed
    judging.out = judging.folder / "second"
    assert judging(*ONE, *change) == 0
    assert len(server.requests) == 4


def test_the_budget_stops_the_run_before_the_request_that_might_exceed_it_and_holds_over_runs(judging, serve):
    server = serve(scores())
    # The dearest outcome of one request: 8192 tokens of output at $12 per million alone are $0.0983; one costs
    # $0.00488.
    assert judging("--budget", "0.12", "--workers", "3") == 1
    sent = len(server.requests)
    assert 1 <= sent < 12
    assert "the budget of $0.12 has no room for the next request" in judging.printed
    spent = judging.summary()["judge"]["cost_usd"]
    assert spent == pytest.approx(sent * 0.00488) and spent <= 0.12
    assert [r["status"] for r in judging.scores()].count("not asked") == 12 - sent
    assert judging("--budget", "0.12") == 1
    assert len(server.requests) == sent
    assert judging("--budget", "1") == 0


def test_a_budget_needs_a_price(judging, serve):
    server = serve(scores())
    assert judging("--budget", "1", "--model", "gemini-unheard-of") == 2
    assert "--budget needs a price of gemini-unheard-of" in judging.printed
    assert not server.requests


def test_requests_that_timed_out_count_against_the_budget_as_if_charged(judging, serve):
    server = serve(Response(late=True))
    options = (*ONE, "--workers", "1", "--budget", "0.15", "--patience.timeout-s", "0.2", "--patience.tries", "3")
    assert judging(*options) == 1
    assert len(server.requests) == 1  # a second one, at $0.10, might exceed it
    assert judging("--budget", "0.15", *ONE) == 1
    assert len(server.requests) == 1


def test_a_dry_run_shows_the_requests_and_their_cost_and_sends_and_writes_nothing(judging, serve, monkeypatch):
    server = serve(scores())
    monkeypatch.delenv("GEMINI_API_KEY")  # not needed
    assert judging("--dry-run") == 0
    assert "12 requests to gemini, gemini-3.1-pro-preview; nothing was sent." in judging.printed
    assert "Estimated cost $" in judging.printed and "prices of 20" in judging.printed
    assert "Clip A: 4 frames." in judging.printed
    assert not server.requests and not judging.out.exists()


def test_vertex_is_asked_by_project_and_location_with_the_machines_credentials(judging, serve, monkeypatch):
    import google.auth
    from google.oauth2.credentials import Credentials

    monkeypatch.delenv("GEMINI_API_KEY")
    monkeypatch.setattr(google.auth, "default", lambda scopes: (Credentials(token="ya29.a-token-of-the-machine"), None))
    server = serve(scores())
    assert judging(*ONE, "--gemini.project", "my-project", "--gemini.location", "europe-west4") == 0
    request = server.requests[0]
    place = "/projects/my-project/locations/europe-west4/publishers/google/models/gemini-3.1-pro-preview"
    assert request.path == f"/v1beta1{place}:generateContent"
    assert request.headers["authorization"] == "Bearer ya29.a-token-of-the-machine"


def test_a_password_in_the_base_url_is_refused(judging):
    assert judging("--gemini.base-url", "https://me:hunter2@example.org") == 2
    assert "holds a user or a password" in judging.printed and "hunter2" not in judging.printed


def test_frames_too_large_for_a_request_are_not_sent(judging, serve, monkeypatch):
    from evaluators.judge.providers import gemini

    monkeypatch.setattr(gemini, "MOST_BYTES", 1000)
    server = serve(scores())
    assert judging(*ONE) == 1
    assert "lower --frames or --pixels" in judging.scores()[0]["reason"] and not server.requests
