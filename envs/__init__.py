"""Simulators behind one Gymnasium seam. Whatever draws lives here, so Triton is loaded before the first picture."""

from crossbody.gl import load_triton_first

load_triton_first()
