"""Flows of retention: what may be deleted or expired, and by which clock."""
