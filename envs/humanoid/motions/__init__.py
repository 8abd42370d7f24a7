"""The motion set that needs no download: clips of a humanoid made from sampled parameters, with captions."""
