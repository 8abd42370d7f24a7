"""The ``judge`` command: score pairs of reference and generated clips."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Generic, Literal, TypeVar

import tyro

from crossbody import catalog
from crossbody.errors import CrossbodyError
from crossbody.main import guarded
from crossbody.options import check_options, names
from evaluators.judge.asking.patience import Patience

if TYPE_CHECKING:
    from evaluators.judge.asking.session import Plan, Session, Slot
    from evaluators.judge.asking.store import Store
    from evaluators.judge.questions.question import Provider
    from evaluators.judge.questions.schema import Answer, Pair

BUILTIN, GEMINI = "builtin", "gemini"
Show = Callable[[str], None]
OptionsT = TypeVar("OptionsT")


@dataclass(frozen=True, kw_only=True)
class Arguments(Generic[OptionsT]):
    """Score pairs of clips from 1 to 5: Semantic, Temporal, Geometric, and their mean.
    The same command again goes on."""

    pairs: str
    """A .jsonl or .csv file with id, reference, generated and optionally instruction, task, direction, method;
    or `builtin`."""
    provider: str = GEMINI
    """Who judges: a name from `crossbody list judges`. With --provider NAME,
    --help also lists that provider's options."""
    model: str = ""
    """Model id, where the provider has models; by default its own choice.
    With --provider command a label for the rows."""
    repeats: int = 3
    """How often every pair is judged."""
    swap: bool = True
    """Ask each repeat in both orders of the clips; otherwise in one that the clips' bytes draw."""
    budget: float | None = None
    """USD that this folder may cost in all; no request is sent whose dearest outcome does not fit."""
    dry_run: bool = False
    """Show the requests and their estimated cost, and send nothing."""
    out: Path | None = None
    """Folder of the answers; by default runs/judge-<pairs>-<provider>."""
    workers: int = 4
    """Requests under way at a time. It never changes an answer."""
    frames: int = 16
    """Frames shown of each clip, evenly spaced, first and last included."""
    pixels: int = 384
    """Longer side of a frame as it is sent."""
    align: Literal["none", "cut", "stretch"] = "none"
    """Clips of different length or rate: refuse them, cut to the shorter,
    or take each clip's own duration as the whole."""
    rubric: Path | None = None
    """Another rubric file."""
    prices: Path | None = None
    """Another price table."""
    cache: Path | None = None
    """Where answers are kept for other runs; by default in the user's cache folder."""
    seed: int = 0
    """Seed of the bootstrap, and of the built-in set."""
    options: Annotated[OptionsT, tyro.conf.arg(name="")]
    """The provider's own options."""
    patience: Patience = field(default_factory=Patience)
    """Timeouts and retries."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return 0 when every answer came, 1 when some are missing, 2 for a mistake to mend."""
    argv = sys.argv[1:] if argv is None else list(argv)
    return guarded(lambda: judge(parse(argv), ("crossbody", "judge", *argv)))


def parse(argv: Sequence[str]) -> Arguments:
    """Return the arguments of a command line; an option of another provider, or of none, raises CrossbodyError."""
    provider = _provider_name(argv)
    options = catalog.module_of("judges", provider).Options
    _refuse_options_of_others(argv, provider)
    check_options(argv, Arguments[options], options)
    return tyro.cli(Arguments[options], args=list(argv), prog="crossbody judge", description=Arguments.__doc__)


def _provider_name(argv: Sequence[str]) -> str:
    for here, following in zip(argv, [*argv[1:], ""], strict=True):
        if here == "--provider" or here.startswith("--provider="):
            return following if here == "--provider" else here.removeprefix("--provider=")
    return GEMINI


def _refuse_options_of_others(argv: Sequence[str], provider: str) -> None:
    typed = {word.partition("=")[0].replace("_", "-") for word in argv if word.startswith("--")}
    own = set(names(catalog.module_of("judges", provider).Options))
    for other in catalog.entries("judges"):
        for option in sorted(typed & set(names(catalog.module_of("judges", other).Options)) - own):
            raise CrossbodyError(f"{option} goes with --provider {other}")


def judge(given: Arguments, command: tuple[str, ...] = ()) -> int:
    """Judge the pairs and write the folder; return the exit code. ``command`` is what was typed, for the manifest."""
    import os

    from rich.console import Console
    from rich.text import Text

    from crossbody.texts import printable
    from evaluators.judge.asking.redact import Redactor
    from evaluators.judge.asking.store import Store

    _check(given)
    typed = [word for text in command for word in (text, *_words(text))]
    redact, console = Redactor(os.environ, typed), Console(highlight=False, soft_wrap=True, markup=False)

    def show(line: str) -> None:
        console.print(printable(redact(line)))  # a service may say a key in its error

    def show_passing(status: Any) -> Show:
        return lambda line: status.update(Text(printable(redact(line))))  # as text: an id may look like markup

    plan, out = _plan(given), _out(given)
    store = Store(out, given.cache or _cache(), redact)
    if given.dry_run:
        return _rehearse(given, plan, store, show)
    pairs = _pairs(given, out / "clips")
    plan.provider.open()
    try:
        store.open(_manifest(plan, command))
        with console.status("asking") as status:
            session = _session(given, plan, store, (show, show_passing(status)))
            slots = session.run(pairs, given.workers)
    except KeyboardInterrupt:
        show("Every answer so far is kept; the same command goes on.")
        raise
    finally:
        plan.provider.close()
    return _finish(given, plan, store, (slots, session.stopped), show)


def _rehearse(given: Arguments, plan: Plan, store: Store, show: Show) -> int:
    import tempfile

    from evaluators.judge.asking.dry import rehearse

    with tempfile.TemporaryDirectory() as folder:  # for the built-in set: a dry run leaves nothing behind
        rehearse(plan, _pairs(given, Path(folder)), store.latest(), store.cached, show)
    return 0


def _check(given: Arguments) -> None:
    for name in ("repeats", "workers", "pixels"):
        if getattr(given, name) < 1:
            raise CrossbodyError(f"--{name} is {getattr(given, name)}; it must be at least 1")
    if given.frames < 2:
        raise CrossbodyError(f"--frames is {given.frames}; a motion needs at least 2")
    if given.budget is not None and not given.budget > 0:
        raise CrossbodyError(f"--budget is {given.budget}; it must be above 0")
    given.patience.check()


def _plan(given: Arguments) -> Plan:
    from evaluators.judge.asking import prices
    from evaluators.judge.asking.session import Plan, Sampling
    from evaluators.judge.questions import rubric
    from evaluators.judge.questions.question import Asked

    told = rubric.load(given.rubric or rubric.STANDARD)
    asked = Asked(given.model, told, given.patience.timeout_s)
    provider: Provider = catalog.resolve("judges", given.provider)(given.options, asked)
    if given.budget is not None and not provider.priced:
        raise CrossbodyError(f"--budget needs prices, and what --provider {given.provider} costs is not known here")
    table = given.prices or prices.STANDARD
    price = prices.price_of(provider.model, table) if provider.priced else None
    if given.budget is not None and price is None:
        raise CrossbodyError(
            f"--budget needs a price of {provider.model}, which {table} does not have (or no longer). Add it "
            "to a copy and give --prices."
        )
    sampling = Sampling(given.frames, given.pixels, given.align)
    return Plan(provider, told, sampling, given.repeats, given.swap, price)


def _words(text: str) -> list[str]:
    """Return the words of an argument that may be a command line itself."""
    import shlex

    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def _out(given: Arguments) -> Path:
    return given.out or Path("runs") / f"judge-{Path(given.pairs).stem}-{given.provider}"


def _cache() -> Path:
    from crossbody.extras import cache_folder

    return cache_folder() / "judge"


def _pairs(given: Arguments, folder: Path) -> list[Pair]:
    from evaluators.judge.questions import builtin
    from evaluators.judge.questions.pairs import read_pairs

    if given.pairs != BUILTIN:
        return read_pairs(Path(given.pairs))
    return read_pairs(builtin.write(folder, given.seed))


def _manifest(plan: Plan, command: tuple[str, ...]) -> dict[str, Any]:
    import dataclasses
    from importlib.metadata import version

    packages = {name: version(name) for name in ("crossbody", "google-genai", "opencv-python", "av", "numpy")}
    price = dataclasses.asdict(plan.price) if plan.price else None
    rubric = dataclasses.asdict(plan.rubric)
    return {
        "command": list(command),
        "settings": plan.settings(),
        "rubric": rubric,
        "price": price,
        "packages": packages,
    }


def _session(given: Arguments, plan: Plan, store: Store, show: tuple[Show, Show]) -> Session:
    from evaluators.judge.asking.ledger import Ledger
    from evaluators.judge.asking.session import Session

    lasting, passing = show
    ledger = Ledger(given.budget, sum(a.cost_usd or 0.0 for a in store.answers() if not a.cached))

    def tell(answer: Answer) -> None:
        passing(f"{answer.pair}, repeat {answer.repeat}; ${ledger.spent:.4f} spent")
        if answer.status != "ok":
            lasting(f"{answer.pair}, repeat {answer.repeat}, {answer.order}: {answer.status}: {answer.reason}")

    return Session(plan, store, ledger, given.patience, tell)


def _finish(given: Arguments, plan: Plan, store: Store, outcome: tuple[list[Slot], str], show: Show) -> int:
    from evaluators.judge.results import report, summary

    slots, stopped = outcome
    found = summary.results(slots, store.latest())
    table, trust = summary.rows(found, given.seed), summary.trust(found, store.answers())
    settings, provider = plan.settings(), plan.provider
    about = {**settings, "judge": provider.judge, "model": provider.model}
    store.write("scores.csv", report.scores_csv(found, about))
    store.write("summary.json", report.summary_json(table, trust, about, stopped))
    context = {**about, "rubric": plan.rubric, "stopped": stopped}
    store.write("report.md", report.markdown(found, table, trust, context))
    show("\n".join(report.score_lines(table)))
    absent = sum(not r.ok for r in found)
    for (status, reason), count in summary.missing(found).items():
        if status == summary.UNREADABLE:  # the others were told when they came
            show(f"{count} answers cannot be asked for: {reason}")
    if stopped:
        show(f"The run ended early: {stopped}.")
    if absent:
        show(f"{absent} of {len(found)} answers are missing; the same command asks again for those that never came.")
    show(f"{store.path}/report.md has the agreement, the costs and what is missing.")
    return 1 if absent else 0


if __name__ == "__main__":
    sys.exit(main())
