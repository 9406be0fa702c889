"""Tests that need what the system has to provide. `make test-host` runs them; `make test` does not."""
