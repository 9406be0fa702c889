"""Leads and their exports at the desk (E1, E5)."""
