"""Everything about opportunistic bone screening that is true without a screen, a network or a database."""

__version__ = "0.1.0"
