"""What an editor shows of our schemas. `make editor`: apart from the tests, since it needs npm."""
