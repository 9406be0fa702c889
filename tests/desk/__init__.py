"""The desk, over HTTP and in a browser."""
