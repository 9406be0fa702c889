"""Counts that keep posts and mails within their limits."""
