"""What a reader does with one series: look, correct, measure again, sign. No screen, no network, no database."""
