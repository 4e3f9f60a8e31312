"""Many tasks on Dask workers, whatever the tasks are: no store, no model is known here.

``client`` opens workers on this machine or joins a cluster, ``tasks`` keeps a few tasks in flight, ``attempts`` notes
which series killed their worker, ``pause`` asks a run to rest, ``progress`` reports how far it is.
"""
