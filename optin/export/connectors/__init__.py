"""Connectors: tools that are told of consents in their own interface; a file for each (W11)."""
