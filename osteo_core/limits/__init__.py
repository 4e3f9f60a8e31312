"""Every clinical and quality limit, one module a subject. Numbers only: no logic lies here."""
