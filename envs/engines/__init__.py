"""Where workers live: one engine per file, each a function ``open_pool(order)`` that gives a ``envs.pool.Pool``."""
