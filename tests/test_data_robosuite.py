"""robosuite's, robomimic's and LIBERO's files as others make them."""

from __future__ import annotations

import json

import h5py
import numpy as np
import pytest

from training.convert import convert
from training.data.formats import open_set
from training.data.layout import DataError

FRAMES = 6


def pictures(height=32, width=32):
    return np.stack([np.full((height, width, 3), 20 + 30 * n, np.uint8) for n in range(FRAMES)])


def write(file, demos=("demo_0",), env=None, lang="lift it", obs=True, **more):
    """Write a robomimic file; ``more``: place -> array of every demonstration, None leaves one out."""
    with h5py.File(file, "w") as out:
        data = out.create_group("data")
        data.attrs["env_args"] = json.dumps(
            env if env is not None else {"env_kwargs": {"robots": ["Panda"], "control_freq": 10}}
        )
        for number, name in enumerate(demos):
            demo = data.create_group(name)
            arrays = {"actions": np.full((FRAMES, 2), number + 0.5), "states": np.zeros((FRAMES, 9))}
            arrays |= {"rewards": np.arange(FRAMES) / 8, "dones": np.arange(FRAMES) == FRAMES - 1}
            arrays |= (
                {"obs/eef_pos": np.full((FRAMES, 3), number, np.float64), "obs/front_image": pictures()} if obs else {}
            )
            arrays |= {place.replace("__", "/"): value for place, value in more.items()}
            for place, value in arrays.items():
                if value is not None:
                    demo[place] = value
            demo.attrs["ep_meta"] = json.dumps({"lang": lang})
    return file


def shown(there, index=0, camera="video.front"):
    return [round((float(np.median(p)) - 20) / 30) for p in there[index].pictures[camera]]


def test_a_raw_file_without_observations_says_which_tool_makes_them(tmp_path):
    file = write(tmp_path / "raw.hdf5", obs=False)
    with pytest.raises(DataError) as caught:
        convert(file, tmp_path / "made", "lerobot3")
    assert str(caught.value) == (
        f"{file}: it has states but no observations; make them with robomimic: `python -m "
        f"robomimic.scripts.dataset_states_to_obs --dataset {file} --output_name with_obs.hdf5 --done_mode 2 "
        "--camera_names "
        f"agentview`"
    )
    assert not (tmp_path / "made").exists()


def test_demonstrations_are_in_the_order_of_their_numbers_and_other_names_come_last(tmp_path):
    there = open_set(write(tmp_path / "x.hdf5", ("demo_extra", "demo_10", "demo_2", "demo")))
    assert [there[i].values["state.eef_pos"][0, 0] for i in range(4)] == [2, 1, 3, 0]


@pytest.mark.parametrize(
    ("env", "robot", "rate"),
    [
        ({"env_kwargs": {"robots": [], "control_freq": None}}, "unknown", 20),
        ({"env_kwargs": {"robots": "GR1", "control_freq": 50}}, "GR1", 50),
        ({"env_kwargs": None}, "unknown", 20),
        ({"env_kwargs": {"robots": [3, "Sawyer"], "control_freq": "fast"}}, "Sawyer", 20),
        ({"env_kwargs": {"robots": None, "control_freq": float("nan")}}, "unknown", 20),
    ],
)
def test_robot_and_rate_are_read_or_taken_with_a_line(env, robot, rate, tmp_path):
    there = open_set(write(tmp_path / "x.hdf5", env=env))
    assert (there.layout.embodiment, there.layout.fps) == (robot, rate)
    assert (rate == 20) == any(remark.endswith("20 Hz, robosuite's default, is taken") for remark in there.remarks)


@pytest.mark.parametrize(("height", "width"), [(85, 85), (33, 64), (64, 31)])
def test_pictures_with_odd_sides_keep_them(height, width, tmp_path):
    file = write(tmp_path / "x.hdf5", obs__front_image=pictures(height, width))
    convert(file, tmp_path / "made", "lerobot3")
    there = open_set(tmp_path / "made")
    assert next(iter(there[0].pictures["video.front"])).shape == (height, width, 3)
    assert shown(there) == list(range(FRAMES))
    assert (
        json.loads((tmp_path / "made/meta/info.json").read_text())["features"]["observation.images.front"]["info"][
            "video.pix_fmt"
        ]
        == "yuv444p"
    )


def test_pictures_with_the_colours_first_are_read(tmp_path):
    there = open_set(write(tmp_path / "x.hdf5", obs__front_image=np.moveaxis(pictures(), 3, 1)))
    assert there[0].pictures["video.front"].take([2])[0].shape == (32, 32, 3)
    assert shown(there) == list(range(FRAMES))


def test_liberos_names_are_read(tmp_path):
    file = write(tmp_path / "x.hdf5", lang="", obs__front_image=None, obs__agentview_rgb=pictures())
    with h5py.File(file, "a") as out:
        out["data"].attrs["problem_info"] = json.dumps({"language_instruction": "open the drawer"})
        del out["data/demo_0"].attrs["ep_meta"]
    there = open_set(file)
    assert (list(there.layout.cameras), there[0].instruction) == (["video.agentview_rgb"], "open the drawer")


def test_rewards_and_dones_go_to_lerobot_and_back(tmp_path):
    convert(write(tmp_path / "x.hdf5"), tmp_path / "made", "lerobot3")
    features = json.loads((tmp_path / "made/meta/info.json").read_text())["features"]
    assert (features["next.reward"]["dtype"], features["next.done"]["dtype"]) == ("float32", "bool")
    convert(tmp_path / "made", tmp_path / "y.hdf5", "robosuite")
    with h5py.File(tmp_path / "y.hdf5") as back:
        np.testing.assert_array_equal(back["data/demo_0/rewards"], np.arange(FRAMES) / 8)
        np.testing.assert_array_equal(back["data/demo_0/dones"], np.arange(FRAMES) == FRAMES - 1)


def test_what_has_no_place_is_named(tmp_path):
    file = write(
        tmp_path / "x.hdf5", obs__depth=np.zeros((FRAMES, 4, 4, 1), np.float32), obs__names=np.array([b"a"] * FRAMES)
    )
    assert "left out: obs/depth, obs/names, states" in open_set(file).remarks


def test_numbers_keep_their_precision(tmp_path):
    exact = np.full((FRAMES, 1), 0.1)
    file = write(tmp_path / "x.hdf5", obs__exact=exact, obs__count=np.full(FRAMES, 2**40 + 1, np.int64))
    convert(file, tmp_path / "made", "lerobot3")
    values = open_set(tmp_path / "made")[0].values
    np.testing.assert_array_equal(values["state.exact"], exact)
    assert values["state.count"][0, 0] == 2**40 + 1


WRONG = {
    "obs/eef_pos has a number that is not finite in row 2": {
        "obs__eef_pos": np.array([[0.0], [0], [np.nan], [0], [0], [0]])
    },
    "obs/eef_pos has 4 rows, others have 6": {"obs__eef_pos": np.zeros((4, 3)), "obs__a": np.zeros((FRAMES, 1))},
    "rewards has shape (4,), expected (6,)": {"rewards": np.zeros(4)},
    "obs/front_image has 3 rows, others have 6": {"obs__front_image": pictures()[:3]},
    "has no rows": {"actions": np.zeros((0, 2)), "obs__eef_pos": np.zeros((0, 3)), "obs__front_image": pictures()[:0]},
}


@pytest.mark.parametrize("sentence", WRONG)
def test_what_is_wrong_is_told_before_anything_is_written(sentence, tmp_path):
    file = write(tmp_path / "x.hdf5", **WRONG[sentence])
    with pytest.raises(DataError) as caught:
        convert(file, tmp_path / "made", "lerobot3")
    assert sentence in str(caught.value) and "demo_0" in str(caught.value)
    assert [p.name for p in tmp_path.iterdir()] == ["x.hdf5"]


def test_a_second_demonstration_of_another_shape_is_named(tmp_path):
    file = write(tmp_path / "x.hdf5", ("demo_0", "demo_1"))
    with h5py.File(file, "a") as out:
        del out["data/demo_1/obs/eef_pos"]
        out["data/demo_1/obs/eef_pos"] = np.zeros((FRAMES, 4))
    with pytest.raises(DataError, match="demo_1/obs/eef_pos has 4 numbers per row, the first demonstration 3"):
        convert(file, tmp_path / "made", "lerobot3")


@pytest.mark.parametrize("text", ["{", "[1]", "null", '{"lang": 1, "lang": 2}'])
def test_an_attribute_that_is_no_json_object_is_named(text, tmp_path):
    file = write(tmp_path / "x.hdf5")
    with h5py.File(file, "a") as out:
        out["data/demo_0"].attrs["ep_meta"] = text
    with pytest.raises(DataError, match="the attribute ep_meta of /data/demo_0"):
        open_set(file)[0]
