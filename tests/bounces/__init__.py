"""Reading what came back, with messages written here in the manner of each mail server."""
