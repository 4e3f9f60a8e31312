"""User-supplied tables: one strict reader for CSV and Excel, typed columns, a reason for each refused row."""
