"""Proof, pure: bytes in, digests out. No clock, no store, no network."""
