"""All clinical and quality limits, one module per subject: numbers only, no logic."""
