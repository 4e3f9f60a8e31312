"""Parts of the screen Follow-up."""
