"""Flows of data that leaves the system: exports, webhooks, scrubbed lists."""
