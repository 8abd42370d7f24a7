"""Simulators behind one Gymnasium seam; ``envs.registration.register()`` makes their ids known."""
