"""Magnets at the desk: their list, one of them, its versions and mails, and what status it has."""
