"""Shared by the screens: services, filters, figures, wording, the viewer."""
