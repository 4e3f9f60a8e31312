"""The program's commands: `python -m osteo_core index` is ``commands/index.py``; osteo_core/__main__.py lists them.

A command's module holds ``add_arguments(parser)`` and ``run(arguments, context) -> Answer``, and a function with its
work where the app calls that too. The other modules here are what several commands share. Only this package joins the
pipeline, the models, the store and the cluster; ``commands/cluster`` runs functions on Dask workers and knows neither
store nor models.
"""
