"""The judging loop: every question once, answers written as they come,
stopped by the budget or by an endpoint that is gone."""

from __future__ import annotations

import datetime
import hashlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crossbody.errors import CrossbodyError
from evaluators.judge.asking.ledger import Ledger
from evaluators.judge.asking.prices import Price
from evaluators.judge.asking.retry import Patience, persist
from evaluators.judge.asking.store import Store
from evaluators.judge.questions.clips import Align, ClipError, Shot, read_clip, shots
from evaluators.judge.questions.question import Failed, Provider, Question, Reply, key_of, orders
from evaluators.judge.questions.rubric import Rubric
from evaluators.judge.questions.schema import DIMENSIONS, NO_ANSWER, NOTHING, Answer, Frame, Order, Pair, read_verdict


@dataclass(frozen=True)
class Sampling:
    """What of each clip is shown."""

    frames: int
    pixels: int
    align: Align


@dataclass(frozen=True)
class Plan:
    """How pairs are turned into questions, and who answers them."""

    provider: Provider
    rubric: Rubric
    sampling: Sampling
    repeats: int
    swap: bool
    price: Price | None

    def settings(self) -> dict[str, Any]:
        """Return everything but the clips that can move a score; part of every key."""
        sampling = {"frames": self.sampling.frames, "pixels": self.sampling.pixels, "align": self.sampling.align}
        rubric = {"rubric_version": self.rubric.version, "rubric_hash": self.rubric.hash}
        return {"provider": self.provider.name, **self.provider.settings(), **rubric, **sampling}

    def estimate(self, question: Question, output_tokens: int) -> float:
        """Return the USD of a question with this much output; 0 without a price."""
        return self.price.estimate(question.letters, question.images, output_tokens) if self.price else 0.0


@dataclass(frozen=True)
class Slot:
    """One answer that the run should have. ``question`` is None, and ``reason`` says why,
    when the clips cannot be shown."""

    pair: Pair
    repeat: int
    order: Order
    key: str = ""
    reason: str = ""
    question: Question | None = field(default=None, repr=False)

    def bare(self) -> Slot:
        """Return it without its pictures."""
        return Slot(self.pair, self.repeat, self.order, self.key, self.reason)


class BudgetSpent(Exception):
    """The next request does not fit the budget."""


def slots(plan: Plan, pairs: Iterable[Pair]) -> Iterator[Slot]:
    """Yield what is to be answered, pair by pair, so that the pictures of few pairs are in memory at once."""
    settings = plan.settings()
    for pair in pairs:
        try:
            shown = _shots(plan, pair)
        except ClipError as error:
            for repeat in range(1, plan.repeats + 1):
                for order in orders((pair.id, ""), repeat, plan.swap):
                    yield Slot(pair, repeat, order, reason=str(error))
            continue
        for repeat in range(1, plan.repeats + 1):
            for order in orders((shown[0].sha256, shown[1].sha256), repeat, plan.swap):
                yield _slot(plan, settings, pair, shown, (repeat, order))


def _shots(plan: Plan, pair: Pair) -> tuple[Shot, Shot]:
    sampling = plan.sampling
    clips = read_clip(Path(pair.reference)), read_clip(Path(pair.generated))
    return shots(*clips, sampling.frames, sampling.pixels, sampling.align)


def _slot(
    plan: Plan, settings: Mapping[str, Any], pair: Pair, shown: tuple[Shot, Shot], which: tuple[int, Order]
) -> Slot:
    repeat, order = which
    key = key_of(settings, (shown[0].sha256, shown[1].sha256), pair.instruction, repeat, order)
    a, b = shown if order == "reference_first" else shown[::-1]
    question = Question(key, pair.id, repeat, order, pair.instruction, a, b, plan.rubric)
    return Slot(pair, repeat, order, key, question=question)


class Session:
    """Asks what is missing. ``stopped`` says why the run ended early, '' when it did not."""

    def __init__(self, plan: Plan, store: Store, ledger: Ledger, patience: Patience, tell: Callable[[Answer], None]):
        self._plan, self._store, self._ledger, self._patience, self._tell = plan, store, ledger, patience, tell
        self._done = {key for key, answer in store.latest().items() if answer.final}
        self._lock, self._halted, self._in_a_row = threading.Lock(), threading.Event(), 0
        self.stopped = ""

    def run(self, pairs: Iterable[Pair], workers: int) -> list[Slot]:
        """Ask every question that has no answer yet, and return all slots, without their pictures."""
        seen: list[Slot] = []
        under_way: set[Future[None]] = set()
        with ThreadPoolExecutor(workers) as pool:
            try:
                for slot in slots(self._plan, pairs):
                    seen.append(slot.bare())
                    if slot.question and not self._halted.is_set() and not self._known(slot):
                        under_way = _room(under_way, workers)
                        under_way.add(pool.submit(self._answer, slot.question))
                _room(under_way, 1)
            except BaseException:
                self._halted.set()  # those that wait for another try stop waiting
                raise
        return seen

    def _known(self, slot: Slot) -> bool:
        """Return whether there is an answer, in the folder, under way, or from an earlier run."""
        if slot.key in self._done:
            return True
        self._done.add(slot.key)
        answer = self._store.cached(slot.key)
        if answer:
            self._tell(self._store.add(answer.model_copy(update={"cached": True, "pair": slot.pair.id})))
        return answer is not None

    def _answer(self, question: Question) -> None:
        began, asked_at = time.monotonic(), datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        asked = self._asked(question)  # first: an answer must not be lost because a frame could not be written
        costs: list[tuple[float, bool]] = []
        try:
            reply, tries = persist(lambda: self._request(question, costs), self._patience, self._halted.wait)
            fields = {**_judged(reply, self._plan.provider), "tries": tries}
            self._in_a_row = 0
        except BudgetSpent:
            self._halt(f"the budget of ${self._ledger.limit:g} has no room for the next request")
            if not costs:
                return
            fields = {"status": "failed", "reason": "the budget has no room for another try", "tries": len(costs)}
        except Failed as failure:
            if self._halted.is_set() and failure.again:
                return  # given up because the run ends: still open
            fields = {"status": "failed", "reason": failure.reason, "tries": failure.tries}
            self._count(failure)
        answer = Answer(
            **asked,
            **fields,
            **_cost(costs),
            asked_at=asked_at,
            elapsed_s=round(time.monotonic() - began, 3),
        )
        self._tell(self._store.add(answer))

    def _request(self, question: Question, costs: list[tuple[float, bool]]) -> Reply:
        """Send one request, if the budget has room for its dearest outcome; note what it cost."""
        if self._halted.is_set():
            raise Failed("the run was stopped", again=True)
        most = self._plan.estimate(question, int(self._plan.rubric.sampling["max_output_tokens"]))
        if not self._ledger.reserve(most):
            raise BudgetSpent
        spent = most, False
        try:
            reply = self._plan.provider.ask(question)
            if self._plan.price and reply.usage:
                spent = self._plan.price.bill(reply.usage), True
            if reply.text.strip() in NOTHING and not reply.refused and reply.finish_reason != "MAX_TOKENS":
                raise Failed(NO_ANSWER, again=True, charged=True)
            return reply
        except Failed as failure:
            if not failure.charged:
                spent = 0.0, True
            raise
        except CrossbodyError:
            raise
        except Exception as error:  # whatever a client raises is one missing answer, not the end of the run
            raise Failed(f"{type(error).__name__}: {error}"[:300]) from error
        finally:
            self._ledger.settle(most, spent[0])
            if self._plan.price:
                costs.append(spent)

    def _count(self, failure: Failed) -> None:
        with self._lock:
            self._in_a_row += 1
            many = self._in_a_row >= self._patience.give_up_after
        if failure.fatal:
            self._halt(f"no question can be answered: {failure.reason}")
        elif many:
            self._halt(f"{self._in_a_row} questions in a row failed, the last one with: {failure.reason}")

    def _halt(self, why: str) -> None:
        with self._lock:
            self.stopped = self.stopped or why
        self._halted.set()

    def _asked(self, question: Question) -> dict[str, Any]:
        frames = [_frames(shot, self._store) for shot in (question.a, question.b)]
        reference, generated = frames if question.order == "reference_first" else frames[::-1]
        provider, rubric = self._plan.provider, self._plan.rubric
        return {
            **{name: getattr(question, name) for name in ("key", "pair", "repeat", "order")},
            **{name: getattr(provider, attribute) for name, attribute in _PROVIDER.items()},
            "rubric_version": rubric.version,
            "rubric_hash": rubric.hash,
            "reference_frames": reference,
            "generated_frames": generated,
        }


_PROVIDER = {"provider": "name", "judge": "judge", "model": "model"}


def _room(under_way: set[Future[None]], workers: int) -> set[Future[None]]:
    """Wait until fewer than ``workers`` are under way (none for 1), and return those;
    what went wrong in one is raised."""
    while len(under_way) >= workers:
        done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
        for future in done:
            future.result()
    return under_way


def _judged(reply: Reply, provider: Provider) -> dict[str, Any]:
    names = ("model_version", "response_id", "finish_reason", "usage")
    fields: dict[str, Any] = {"raw": reply.text, **{name: getattr(reply, name) for name in names}}
    if reply.refused:
        return {**fields, "status": "refused", "reason": reply.refused}
    verdict, why = read_verdict(reply.text, provider.verdict)
    if verdict is None:
        cut = reply.finish_reason == "MAX_TOKENS"
        return {**fields, "status": "invalid", "reason": why + ("; it reached max_output_tokens" if cut else "")}
    scores = {name: float(getattr(verdict, name)) for name in DIMENSIONS}
    return {**fields, **scores, "status": "ok", "overall": verdict.overall, "comment": verdict.comment}


def _cost(costs: list[tuple[float, bool]]) -> dict[str, Any]:
    if not costs:
        return {}
    billed = all(known for _, known in costs)
    return {"cost_usd": round(sum(usd for usd, _ in costs), 8), "cost_basis": "billed" if billed else "assumed"}


def _frames(shot: Shot, store: Store) -> list[Frame]:
    frames = []
    for index, time_s, picture in zip(shot.indices, shot.times_s, shot.pictures, strict=True):
        name = f"{hashlib.sha256(picture).hexdigest()[:16]}.jpg"
        store.picture(name, picture)
        frames.append(Frame(index=index, time_s=time_s, picture=name))
    return frames
