"""Flows of a data subject's rights: show, withdraw, erase, replay after a restore."""
