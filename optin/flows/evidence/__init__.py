"""Flows of proof: prove a consent, collect its evidence, verify a bundle, audit the log."""
