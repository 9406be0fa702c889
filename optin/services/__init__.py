"""Services: what a running installation holds open: clock, keys, journal, files and connections."""
