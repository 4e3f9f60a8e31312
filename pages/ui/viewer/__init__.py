"""The reader's screen, planes and surfaces, and the signed addresses that feed it."""
