"""How the weights were trained: one command per stage (README.md). The app imports nothing from here."""
