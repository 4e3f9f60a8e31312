"""How the weights came to be: one command a stage (README.md). Nothing here is imported by the app."""
