"""What all screens share: frame, filters, wording, colours, figures, notes."""
