"""Lawful bases besides consent (GDPR 6(1)(b), (c), (f)): a module for each, known to `all_bases` alone."""
