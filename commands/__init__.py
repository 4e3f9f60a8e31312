"""The program's commands, one module per command: `python -m osteo_core index` is ``commands/index.py``.

Each command's module holds its work (a function of the same name, which the app calls too), ``add_arguments(parser)``
and ``run(arguments, context) -> Answer``. Only this package joins the pipeline, the models, the store and the cluster;
``commands/cluster`` runs functions on Dask workers and knows neither store nor models.
"""
