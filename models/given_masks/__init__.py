"""Engines that draw nothing themselves: masks from elsewhere, read or made by a tool that is installed beside us.

No weights and no network lie here, so this folder has no card: whose mask a result rests on is stored as its engine.
"""
