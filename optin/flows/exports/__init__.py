"""Flows of data that leaves: exports, webhooks, scrubbed lists."""
