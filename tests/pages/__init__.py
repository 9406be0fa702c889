"""Lighthouse, axe and the Nu HTML checker on every page of a served site. `make pages` runs them."""
