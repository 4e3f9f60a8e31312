"""The store: one DuckDB file with one owner, parts that anybody may write, snapshots that anybody may read."""
