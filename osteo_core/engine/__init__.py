"""Many series: `index` finds them, `analyse` and `process` run the pipeline over them on Dask workers.

The engine joins pipeline, models and db; nothing below it knows of many series, and nothing above it
of Dask. ``run`` keeps few tasks in flight, ``attempts`` outlives killed workers, ``work`` is what a
worker does with one series, ``deliver`` writes what came of it, ``progress`` says how far it is.
"""
