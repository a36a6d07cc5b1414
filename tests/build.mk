# Tests, gates and benchmarks.
