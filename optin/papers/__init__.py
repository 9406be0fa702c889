"""The papers of a controller, made from the configuration of its site (L9): record, facts, procedures."""
