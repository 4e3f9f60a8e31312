"""The command line, one module a command: ``add_arguments(parser)`` and ``run(arguments, context) -> Answer``.

A command's module imports what is heavy inside ``run``, so that ``--help`` answers at once.
"""
