.PHONY: check format test bench

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
