"""Counters that limit posts and mails."""
