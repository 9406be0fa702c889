"""Who must not be contacted, by an objection or by the company's own list (L7)."""
