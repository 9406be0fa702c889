"""The law of contacting people as data, a file for each country, and what follows for one contact (L8)."""
