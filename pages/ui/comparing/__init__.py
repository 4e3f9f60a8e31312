"""Two cohorts or two versions side by side, on Prevalence and Agreement."""
