"""What leaves for a PACS: a signed read as DICOM SEG and SR. No store, no network; who sends is `commands/send.py`."""
