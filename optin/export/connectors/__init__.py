"""Connectors, a file for each tool: each sends consents and their ends through the tool's API (W11)."""
