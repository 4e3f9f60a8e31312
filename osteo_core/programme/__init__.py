"""The programme around the numbers: who is in a cohort, how common a finding is."""
