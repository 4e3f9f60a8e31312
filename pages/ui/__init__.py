"""What screens share: services, filters, figures, wording, the viewer."""
