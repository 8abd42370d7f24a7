"""Every generator in the catalog keeps the seam: it declares what it reads, and the same seed gives the same clip."""

from dataclasses import is_dataclass

import numpy as np
import pytest

from crossbody import catalog
from crossbody.contracts import ANY, Channel, Clip, Generator
from crossbody.errors import CrossbodyError
from evaluators.generation.folder import check_clip

KINDS = ("video", "motion")
SIZES = {
    "video.given": (2, 64, 96, 3),
    "motion.given": (1, 15, 3),
    "truth.video": (6, 64, 96, 3),
    "truth.motion": (6, 15, 3),
}
TEXTS = {"annotation.text": "a person walks forward", "condition.occluded_part": "left_arm"}
NUMBERS = {"clip.frames": 6, "clip.fps": 20.0, "condition.time": 1.0}


def example(channel: Channel, rng: np.random.Generator):
    """Return something that a condition could hold in a channel."""
    if channel.dtype == "str":
        return TEXTS.get(channel.name, "pick the lemon from the plate and place it in the basket")
    if not channel.shape:
        return NUMBERS.get(channel.name, 1)
    shape = SIZES.get(channel.name) or tuple(16 if n == ANY else n for n in channel.shape)
    if channel.dtype == "uint8":
        return rng.integers(0, 255, shape, np.uint8)
    if shape[-2:] == (15, 3):
        from tests.motions import keypoints

        return keypoints(frames=max(2, shape[0]))[: shape[0]]
    return rng.normal(size=shape).astype(channel.dtype)


def opened():
    """Yield each generator of each kind that can be made with its default options."""
    for name in catalog.entries("generators"):
        for kind in KINDS:
            try:
                options = catalog.module_of("generators", name).GeneratorOptions()
                made = catalog.resolve("generators", name)(options, kind)
            except (CrossbodyError, TypeError) as error:
                yield pytest.param(str(error), id=f"{name}-{kind}")
            else:
                yield (
                    pytest.param(made, id=f"{name}-{kind}")
                    if made.kind == kind
                    else pytest.param("", id=f"{name}-{kind}")
                )


def problems(generator: Generator, kind: str) -> list[str]:
    """Return what is wrong with a generator: the contract that every one is held to."""
    found = [] if isinstance(generator, Generator) else ["it lacks a member of crossbody.contracts.Generator"]
    rng = np.random.default_rng(0)
    given = {c.name: example(c, rng) for c in generator.needs or generator.uses[:1]}
    before = {name: np.copy(value) for name, value in given.items()}
    once, again = (generator.generate(given, 7) for _ in range(2))
    if not isinstance(once, Clip):
        return [*found, f"it gave a {type(once).__name__}, not a Clip"]
    try:
        check_clip(once, kind, 0)
    except CrossbodyError as error:
        found.append(str(error))
    if not np.array_equal(once.values, again.values):
        found.append("the same seed gave another clip")
    if any(not np.array_equal(given[name], before[name]) for name in given):
        found.append("it changed its conditions")
    return found


@pytest.mark.parametrize("generator", list(opened()))
def test_every_generator_keeps_the_contract(generator):
    if isinstance(generator, str):
        pytest.skip(generator or "it makes the other kind")
    assert problems(generator, generator.kind) == []
    generator.close()


@pytest.mark.parametrize("name", catalog.entries("generators"))
def test_every_generator_can_be_made_and_is_described(name):
    module = catalog.module_of("generators", name)
    assert is_dataclass(module.GeneratorOptions) and catalog.entries("generators")[name].summary
    kinds = [kind for kind in KINDS if not isinstance(made_or_error(module, kind), Exception)]
    assert kinds, f"{name} can be made for no kind with its default options: {made_or_error(module, KINDS[0])}"


def made_or_error(module, kind):
    try:
        return module.make_generator(module.GeneratorOptions(), kind)
    except CrossbodyError as error:
        return error


class Forgetful:
    """Breaks the contract in three ways."""

    kind, needs, uses, card = (
        "video",
        (Channel("video.given", (ANY, ANY, ANY, 3), "uint8", "px", "rgb_uint8_thwc"),),
        (),
        {},
    )
    calls = 0

    def generate(self, conditions, seed):
        self.calls += 1
        conditions["video.given"][:] = 0
        return Clip(np.full((3, 8, 8, 3), self.calls, float), 10.0)

    def close(self):
        pass


def test_a_generator_that_breaks_the_contract_is_found():
    assert problems(Forgetful(), "video") == [
        "the generator gave float64 (3, 8, 8, 3); expected uint8 (frames, height, width, 3)",
        "the same seed gave another clip",
        "it changed its conditions",
    ]
