.PHONY: check format test bench gpu

check:
	uv run ruff check .
	uv run ruff format --check .
	uv run pyright

format:
	uv run ruff check --fix .
	uv run ruff format .

test:
	uv run pytest

bench:
	uv run python -m benchmarks

# All that a GPU can tell, in under 8 minutes; PYTHON is one that has torch with CUDA and, for MJX, JAX with its CUDA plug-in.
PYTHON ?= uv run python
gpu:
	XLA_PYTHON_CLIENT_PREALLOCATE=false $(PYTHON) -m benchmarks.gpu
