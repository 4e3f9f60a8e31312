"""Parts of the screen Worklist."""
