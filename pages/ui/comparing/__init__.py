"""Two cohorts or two versions beside each other, on Prevalence and Agreement."""
