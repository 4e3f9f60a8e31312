"""Prints docs/columns.md: ``python -m osteo_core.columns > docs/columns.md``."""

import sys

from osteo_core.columns.document import document

sys.stdout.write(document())
