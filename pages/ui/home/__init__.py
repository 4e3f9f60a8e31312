"""Parts of the screen Home."""
