"""NVIDIA's Isaac Gym in an interpreter of its own: ``parent`` is our side, ``worker`` runs under Python 3.6 to 3.8."""
