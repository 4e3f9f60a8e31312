"""Parts of the screen Export."""
