"""Parts of the screen Drift."""
