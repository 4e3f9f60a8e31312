"""Many tasks on Dask workers, independent of what the tasks are: nothing here knows the store or the models.

``client`` opens workers on this machine or joins a cluster, ``tasks`` keeps a few tasks in flight, ``attempts`` notes
which series killed their worker, ``pause`` asks a run to pause, ``progress`` reports how far it has come.
"""
