"""From folders of files to series (headers only), and from a series to a Volume in HU."""
