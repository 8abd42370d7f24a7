"""A page with a picture of every object model of a pack, so that a person can look at what the robot is asked to
hold."""

from __future__ import annotations

import base64
import io
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import numpy as np

from envs.robocasa.assets.pack import Pack
from envs.robocasa.assets.shelves import Shelf, shelves

PIXELS = 144


def write(pack: Pack, out: Path, advance: Callable[[str], None] = lambda name: None) -> Path:
    """Render all objects of `pack` into one self-contained HTML file at `out`; returns `out`."""
    import jinja2

    rows = []
    for shelf in shelves(pack.root):
        pictures = [_picture(shelf, i) for i in range(len(shelf.models))]
        rows.append({"category": shelf.category, "registry": shelf.registry, "pictures": pictures})
        advance(shelf.category)
    template = jinja2.Template(Path(__file__).with_name("gallery.html").read_text(encoding="utf8"), autoescape=True)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(template.render(pack=pack, rows=rows, pixels=PIXELS), encoding="utf8")
    return out


def _picture(shelf: Shelf, index: int) -> dict[str, str]:
    from PIL import Image

    frame, size = render(shelf.models[index], shelf.scale)
    data = io.BytesIO()
    Image.fromarray(frame).save(data, "PNG")
    return {
        "name": shelf.models[index].parent.name,
        "split": "A" if index < shelf.split else "B",
        "size": " x ".join(f"{100 * s:.1f}" for s in size) + " cm",
        "data": base64.b64encode(data.getvalue()).decode(),
    }


def render(model_xml: Path, scale: np.ndarray, pixels: int = PIXELS) -> tuple[np.ndarray, np.ndarray]:
    """A picture (pixels, pixels, 3) uint8 of one model scaled as the package scales it, and its size (3,) in metres."""
    import mujoco

    root = ET.parse(model_xml).getroot()
    size = _site_box(root) * scale
    for mesh in root.iter("mesh"):
        mesh.set("file", str(model_xml.parent / mesh.get("file", "")))
        mesh.set("scale", " ".join(str(s) for s in scale))
    assets = root.find("asset")
    if assets is None:
        raise ValueError(f"{model_xml} has no <asset> element")
    for texture in assets.findall("texture"):
        texture.set("file", str(model_xml.parent / texture.get("file", "")))
    sky = {
        "type": "skybox",
        "builtin": "flat",
        "rgb1": "0.96 0.95 0.93",
        "rgb2": "0.96 0.95 0.93",
        "width": "64",
        "height": "64",
    }
    ET.SubElement(assets, "texture", sky)
    model = mujoco.MjModel.from_xml_string(ET.tostring(root, encoding="unicode"))
    model.vis.headlight.ambient[:], model.vis.headlight.diffuse[:] = 0.35, 0.6
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    camera = mujoco.MjvCamera()
    camera.lookat[:], camera.azimuth, camera.elevation = 0, 125, -32
    camera.distance = 1.35 * float(np.linalg.norm(size))
    options = mujoco.MjvOption()
    options.geomgroup[0] = 0
    with mujoco.Renderer(model, pixels, pixels) as renderer:
        renderer.update_scene(data, camera, options)
        return renderer.render(), size


def _site_box(root: ET.Element) -> np.ndarray:
    at = {s.get("name"): np.array([float(x) for x in s.get("pos", "0 0 0").split()]) for s in root.iter("site")}
    wide, top, bottom = at["horizontal_radius_site"], at["top_site"], at["bottom_site"]
    return np.array([2 * wide[0], 2 * wide[1], top[2] - bottom[2]])
