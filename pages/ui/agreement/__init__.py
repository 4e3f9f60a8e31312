"""Parts of the screen Agreement."""
