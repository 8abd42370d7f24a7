.PHONY: check format test bench gpu fuzz

check:
	uv run ruff check .
	uv run ruff format --check .
	uv run pyright

format:
	uv run ruff check --fix .
	uv run ruff format .

test:
	uv run pytest

# Every fuzzer at 500 variants of each kind; the ordinary tests try 20.
fuzz:
	CROSSBODY_FUZZ=500 uv run pytest tests/test_data_fuzz.py tests/test_motion_fuzz.py tests/test_fuzz_clips.py tests/test_fuzz_embeddings.py
	CROSSBODY_FUZZ=500 uv run pytest tests/test_run_folders.py -k fuzz

bench:
	uv run python -m benchmarks

# All that a GPU can tell, in under 8 minutes; PYTHON is one that has torch with CUDA and, for MJX, JAX with its CUDA plug-in.
PYTHON ?= uv run python
gpu:
	XLA_PYTHON_CLIENT_PREALLOCATE=false $(PYTHON) -m benchmarks.gpu
