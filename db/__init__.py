"""The store: one DuckDB file with one owner, parts that any process may write, snapshots that any process may read."""
