"""The files made from the answers: scores.csv, summary.json, report.md."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from evaluators.judge.questions.rubric import Rubric
from evaluators.judge.questions.schema import DIMENSIONS
from evaluators.judge.results.summary import SCORES, Result, Row, Trust, missing
from reports.statistics import Estimate

ANSWER_COLUMNS: tuple[str, ...] = (
    "provider",
    "judge",
    "model",
    "model_version",
    "response_id",
    "rubric_version",
    "rubric_hash",
    "cached",
    "cost_usd",
)
KINDS = {
    "language_model": "a language model",
    "program": "a program of the user's",
    "motion_statistics": "motion statistics, a proxy: no language model was asked",
}
SHOWN_REASONS = 20


def scores_csv(found: Sequence[Result], plan: Mapping[str, Any]) -> str:
    """Return one line per answer that should be there; missing scores are empty, with their reason.

    ``plan`` has provider, judge, model and rubric, so that a line without an answer is labelled like the others.
    """
    out = io.StringIO()
    head: tuple[str, ...] = (
        "pair",
        "task",
        "direction",
        "method",
        "repeat",
        "order",
        "status",
        *SCORES,
        "reason",
        *ANSWER_COLUMNS,
        "key",
    )
    writer: csv.DictWriter[str] = csv.DictWriter(out, head, lineterminator="\n")
    writer.writeheader()
    for r in found:
        pair, answer = r.slot.pair, r.answer
        about = {"pair": pair.id, "task": pair.task, "direction": pair.direction, "method": pair.method}
        about |= {"repeat": r.slot.repeat, "order": r.slot.order, "status": r.status, "key": r.slot.key}
        about |= {"reason": "" if r.ok else r.reason}
        about |= {name: getattr(answer, name) if answer else plan.get(name, "") for name in ANSWER_COLUMNS}
        writer.writerow(about | {name: getattr(answer, name) if r.ok else None for name in SCORES})
    return out.getvalue()


def summary_json(table: Sequence[Row], trust: Trust, settings: Mapping[str, Any], stopped: str) -> str:
    """Return the means and the judge's behaviour as JSON; unknown numbers are null."""
    data = {
        "settings": dict(settings),
        "stopped": stopped,
        "rows": [dataclasses.asdict(row) for row in table],
        "judge": dataclasses.asdict(trust),
    }
    return json.dumps(_without_nan(data), indent=1) + "\n"


def markdown(found: Sequence[Result], table: Sequence[Row], trust: Trust, context: Mapping[str, Any]) -> str:
    """Return the report: scores, the judge's behaviour, what is missing and why."""
    rubric: Rubric = context["rubric"]
    versions = {r.answer.model_version for r in found if r.answer and r.answer.model_version}
    facts = [
        f"- judge: {context['provider']}, {context['model']}: {KINDS.get(context['judge'], context['judge'])}",
        f"- model versions that answered: {', '.join(sorted(versions)) or 'not said'}",
        f"- rubric: version {rubric.version}, hash `{rubric.hash}`: {rubric.title}",
        f"- frames: at most {context['frames']} per clip, longer side at most {context['pixels']} px, align "
        f"{context['align']}",
        f"- answers: {trust.asked} should be there: "
        f"{', '.join(f'{n} {s}' for s, n in sorted(trust.counts.items()))}; {trust.cached} from the cache",
        f"- spent: ${trust.cost_usd:.4f}",
    ]
    if context["stopped"]:
        facts.append(f"- **the run ended early**: {context['stopped']}")
    parts = ["# Judged pairs", "", *facts, "", "## Scores (1–5)", "", *score_lines(table), ""]
    parts += ["Mean over pairs of the mean over a pair's answers, with a 95 % bootstrap interval over pairs.", ""]
    parts += ["## The judge", "", *_trust_lines(trust), ""]
    return "\n".join([*parts, *_missing_lines(found)])


def score_lines(table: Sequence[Row]) -> list[str]:
    """Return the scores as a Markdown table."""
    head = ("direction", "method", *SCORES, "pairs")
    lines = [f"| {' | '.join(head)} |", f"|:---|:---|{'---:|' * (len(head) - 2)}"]
    for row in table:
        cells = [row.direction or "–", row.method or "–", *(interval(row.scores[s]) for s in SCORES)]
        n = row.scores["overall"].n
        lines.append(f"| {' | '.join(cells)} | {n}{f' of {row.pairs}' if n != row.pairs else ''} |")
    return lines


def interval(e: Estimate) -> str:
    """Return ``value [low, high]``, or a dash."""
    if math.isnan(e.value):
        return "–"
    return f"{e.value:.2f}" if math.isnan(e.low) else f"{e.value:.2f} [{e.low:.2f}, {e.high:.2f}]"


def _trust_lines(trust: Trust) -> list[str]:
    lines = [
        f"- parse failures: {_percent(trust.parse_failure_rate)} of the answers that came; refusals: "
        f"{_percent(trust.refusal_rate)}",
        "",
        "| | alpha (ordinal) | alpha (interval) | same in both orders | mean distance | bias | n |",
        "|:---|---:|---:|---:|---:|---:|---:|",
    ]
    for name in (*DIMENSIONS, "overall"):
        alpha, swap = trust.alpha[name], trust.swap[name]
        cells = [_plain(alpha["ordinal"]), _plain(alpha["interval"]), _percent(swap["equal"])]
        cells += [_plain(swap["mean_distance"]), _plain(swap["bias"]), str(int(swap["n"]))]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    note = (
        "Alpha is Krippendorff's, over a pair's repeats and orders. Bias is the score with the reference first "
        "minus that with it second."
    )
    return [*lines, "", note]


def _missing_lines(found: Sequence[Result]) -> list[str]:
    reasons = missing(found)
    if not reasons:
        return []
    lines = ["## Missing", "", "| answers | status | reason |", "|---:|:---|:---|"]
    for (status, reason), count in list(reasons.items())[:SHOWN_REASONS]:
        lines.append(f"| {count} | {status} | {reason.replace('|', '/')} |")
    if len(reasons) > SHOWN_REASONS:
        lines.append(f"| | | and {len(reasons) - SHOWN_REASONS} other reasons: scores.csv |")
    return [*lines, ""]


def _percent(value: float) -> str:
    return "–" if math.isnan(value) else f"{100 * value:.1f} %"


def _plain(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.3f}"


def _without_nan(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _without_nan(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(v) for v in value]
    return None if isinstance(value, float) and math.isnan(value) else value
