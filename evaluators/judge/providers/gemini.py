"""Gemini, through google-genai: with an API key, or a Vertex project."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from crossbody.errors import CrossbodyError
from evaluators.judge.providers.hints import hint_of
from evaluators.judge.questions.question import Asked, Failed, Question, Reply
from evaluators.judge.questions.rubric import Rubric
from evaluators.judge.questions.schema import Usage, WholeVerdict

MODEL = "gemini-3.1-pro-preview"
MOST_BYTES = 14_000_000  # base64 makes a third more of it, and requests may have about 20 MB
AGAIN = (408, 429, 500, 502, 503, 504)
FATAL = (401, 403, 404)
PROXIES = tuple(n for name in ("ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY") for n in (name, name.lower()))
RESPONSE_SCHEMA = {
    "type": "object",
    "properties": {
        **{name: {"type": "integer", "minimum": 1, "maximum": 5} for name in ("semantic", "temporal", "geometric")},
        "comment": {"type": "string"},
    },
    "required": ["semantic", "temporal", "geometric", "comment"],
}


@dataclass(frozen=True)
class Access:
    """How Gemini is reached. Without a project the key comes from GEMINI_API_KEY (else GOOGLE_API_KEY)."""

    project: str = ""
    """Google Cloud project: use Vertex AI with the machine's own credentials in place of a key."""
    location: str = "global"
    """Vertex location."""
    base_url: str = ""
    """Another endpoint; GOOGLE_GEMINI_BASE_URL is used when this is empty."""
    api_version: str = ""
    """API version; by default v1beta, on Vertex v1beta1. The client's own default lacks response schemas."""


@dataclass(frozen=True)
class Options:
    """Options of this provider."""

    gemini: Access = field(default_factory=Access)
    """How Gemini is reached."""


def make(options: Options, asked: Asked) -> Gemini:
    """Return the provider; a base URL that holds a password raises CrossbodyError."""
    return Gemini(asked.model or MODEL, options.gemini, asked.rubric, asked.timeout_s)


class Gemini:
    """Asks Gemini; one request per question, retried by the caller."""

    name = "gemini"
    judge = "language_model"
    verdict = WholeVerdict
    priced = True

    def __init__(self, model: str, options: Access, rubric: Rubric, timeout_s: float):
        self.model = model
        self._options, self._rubric, self._timeout_s = options, rubric, timeout_s
        self._base_url = options.base_url or os.environ.get("GOOGLE_GEMINI_BASE_URL", "")
        if "@" in self._base_url:
            raise CrossbodyError("the base URL holds a user or a password; give the plain address and a key")
        self._client: Any = None

    def settings(self) -> Mapping[str, Any]:
        """Return model, endpoint and API version; sampling is part of the rubric."""
        where = "vertex" if self._options.project else "developer"
        return {"model": self.model, "service": where, "base_url": self._base_url, "api_version": self._version()}

    def open(self) -> None:
        """Make the client; a missing key raises CrossbodyError."""
        self._client = self._connect()

    def ask(self, question: Question) -> Reply:
        """Return Gemini's reply, or raise Failed with what the service or the network said."""
        import httpx2
        from google.genai import errors

        size = sum(len(p) for p in question.parts() if isinstance(p, bytes))
        if size > MOST_BYTES:
            raise Failed(
                f"the frames take {size / 1e6:.1f} MB, a request at most {MOST_BYTES / 1e6:g}: lower --frames "
                "or --pixels"
            )
        try:
            response = self._client.models.generate_content(
                model=self.model, contents=self._contents(question), config=self._config(question)
            )
        except errors.APIError as error:
            raise _api_failure(error) from None
        except httpx2.TimeoutException:
            raise Failed(f"no answer within {self._timeout_s:g} s", again=True, charged=True) from None
        except httpx2.HTTPError as error:
            lost = not isinstance(error, httpx2.ConnectError)
            raise Failed(f"the endpoint cannot be reached: {error}", again=True, charged=lost) from None
        except json.JSONDecodeError:
            raise Failed("the endpoint answered something that is not JSON", again=True, charged=True) from None
        except (AttributeError, KeyError, TypeError, ValueError):  # what the client does with null or a list
            raise Failed("the endpoint answered something that is no response", again=True, charged=True) from None
        return _reply(response)

    def close(self) -> None:
        """Close the connections."""
        if self._client:
            self._client.close()

    def _connect(self) -> Any:
        from google import genai
        from google.genai import types

        http = types.HttpOptions(
            api_version=self._version(), timeout=round(self._timeout_s * 1000), base_url=self._base_url or None
        )
        if self._options.project:
            return self._vertex(genai, http)
        key = (os.environ.get("GEMINI_API_KEY") or os.environ.get("GOOGLE_API_KEY") or "").strip()
        if not key:
            raise CrossbodyError(
                "Gemini needs a key: `export GEMINI_API_KEY=…`, or a Vertex project by --gemini.project. "
                "Without either, --provider programmatic judges offline."
            )
        return _reachable(lambda: genai.Client(vertexai=False, api_key=key, http_options=http))

    def _vertex(self, genai: Any, http: Any) -> Any:
        import google.auth
        from google.auth.exceptions import DefaultCredentialsError

        try:
            credentials, _ = google.auth.default(scopes=["https://www.googleapis.com/auth/cloud-platform"])
        except DefaultCredentialsError as error:
            raise CrossbodyError(
                "Vertex needs the machine's credentials: `gcloud auth application-default login`, or "
                "GOOGLE_APPLICATION_CREDENTIALS."
            ) from error
        # Project and location are passed in full: taken from the environment, a custom base URL would drop them.
        place = {"project": self._options.project, "location": self._options.location}
        return _reachable(lambda: genai.Client(vertexai=True, credentials=credentials, http_options=http, **place))

    def _version(self) -> str:
        return self._options.api_version or ("v1beta1" if self._options.project else "v1beta")

    def _contents(self, question: Question) -> Any:
        from google.genai import types

        parts = [
            types.Part.from_text(text=p)
            if isinstance(p, str)
            else types.Part.from_bytes(data=p, mime_type="image/jpeg")
            for p in question.parts()
        ]
        return [types.Content(role="user", parts=parts)]

    def _config(self, question: Question) -> Any:
        from google.genai import types

        return types.GenerateContentConfig(
            system_instruction=self._rubric.instructions,
            seed=question.repeat,
            response_mime_type="application/json",
            response_json_schema=RESPONSE_SCHEMA,
            **self._rubric.sampling,
        )


def _reachable(client: Callable[[], Any]) -> Any:
    """Return the client; a proxy in the environment that it cannot speak to raises CrossbodyError."""
    try:
        return client()
    except ImportError as error:
        if "SOCKS" not in str(error):
            raise
        names = [n for n in PROXIES if os.environ.get(n, "").lower().startswith("socks")]
        raise CrossbodyError(
            f"the environment sets a SOCKS proxy ({', '.join(names) or 'in the system settings'}), which needs "
            "a package: "
            "type `uv pip install socksio`, or unset the variable to go without the proxy."
        ) from error


def _api_failure(error: Any) -> Failed:
    code, status = error.code, error.status or ""
    reason = f"{code} {status}: {error.message or 'no message'}".replace("\n", " ")[:300]
    bad_key = code == 400 and "API_KEY_INVALID" in str(error.details)
    headers = getattr(error.response, "headers", {}) or {}
    return Failed(reason, again=code in AGAIN, hint_s=hint_of(headers, error.details), fatal=bad_key or code in FATAL)


def _reply(response: Any) -> Reply:
    usage = response.usage_metadata
    counted = usage and Usage(
        input=usage.prompt_token_count or 0,
        output=usage.candidates_token_count or 0,
        thinking=usage.thoughts_token_count or 0,
        total=usage.total_token_count or 0,
    )
    candidate = response.candidates[0] if response.candidates else None
    finish = _name(candidate.finish_reason) if candidate else ""
    parts = (candidate.content.parts or []) if candidate and candidate.content else []
    text = "".join(p.text for p in parts if p.text and not p.thought)
    return Reply(
        text=text,
        model_version=response.model_version or "",
        response_id=response.response_id or "",
        finish_reason=finish,
        usage=counted or None,
        refused="" if text else _refusal(response, finish),
    )


def _refusal(response: Any, finish: str) -> str:
    feedback = response.prompt_feedback
    if feedback and feedback.block_reason:
        return f"the request was blocked: {_name(feedback.block_reason)}"
    return f"the answer was withheld: {finish}" if finish not in ("", "STOP", "MAX_TOKENS") else ""


def _name(value: Any) -> str:
    return str(getattr(value, "value", value) or "")
