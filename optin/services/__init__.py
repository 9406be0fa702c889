"""Services: what an installation holds while it runs: its clock, keys, journal, files and connections."""
