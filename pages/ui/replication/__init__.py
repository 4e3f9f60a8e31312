"""Parts of the screen Replication."""
