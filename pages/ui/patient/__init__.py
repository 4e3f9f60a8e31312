"""Parts of the screen Patient."""
