"""The dry run: which requests would go out, what they hold, and what they would cost. Nothing is sent or written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from evaluators.judge.asking.prices import TYPICAL_OUTPUT
from evaluators.judge.asking.session import Plan, Slot, slots
from evaluators.judge.questions.question import Question
from evaluators.judge.questions.schema import Answer, Pair


def rehearse(
    plan: Plan,
    pairs: Iterable[Pair],
    recorded: Mapping[str, Answer],
    cached: Callable[[str], Answer | None],
    show: Callable[[str], None],
) -> int:
    """Show every request and the sum; return how many would be sent."""
    seen = {key for key, answer in recorded.items() if answer.final}
    likely, most, count = 0.0, 0.0, 0
    limit = int(plan.rubric.sampling["max_output_tokens"])
    for slot in slots(plan, pairs):
        question, state = slot.question, _state(slot, seen, cached)
        if question is None or state:
            show(f"  {slot.pair.id}  repeat {slot.repeat}  {slot.order}: {state}")
            continue
        if not count:
            show(_message(plan, question))
        usd = plan.estimate(question, TYPICAL_OUTPUT)
        likely, most, count = likely + usd, most + plan.estimate(question, limit), count + 1
        show(
            f"  {slot.pair.id}  repeat {slot.repeat}  {slot.order}: {question.images} "
            f"frames{_cost(plan, question, usd)}"
        )
    show(f"{count} requests to {plan.provider.name}, {plan.provider.model}; nothing was sent.")
    if plan.price:
        show(
            f"Estimated cost ${likely:.4f} with {TYPICAL_OUTPUT} tokens of thinking and answer each, at most "
            f"${most:.4f} "
            f"(prices of {plan.price.date})."
        )
    elif plan.provider.priced:
        show("The cost is unknown: the price table does not have this model, or its price has run out (--prices).")
    return count


def _state(slot: Slot, seen: set[str], cached: Callable[[str], Answer | None]) -> str:
    if not slot.key:
        return f"missing: {slot.reason}"
    if slot.key in seen:
        return "already answered"
    seen.add(slot.key)
    return "answered by an earlier run, free" if cached(slot.key) else ""


def _cost(plan: Plan, question: Question, usd: float) -> str:
    if not plan.price:
        return ""
    return f", about {plan.price.input_tokens(question.letters, question.images)} tokens in, ${usd:.4f}"


def _message(plan: Plan, question: Question) -> str:
    """Return the first request as a judge would get it, each frame named by its size."""
    lines = [f"    {p}" if isinstance(p, str) else f"    <JPEG, {len(p)} bytes>" for p in question.parts()]
    told = "\n".join(f"    {line}" for line in plan.rubric.instructions.strip().splitlines())
    return f"The first request:\n{told}\n    ----\n" + "\n".join(lines) + "\nAll requests:"
