"""Reply cards: a form version on paper, and the answers that a scan of it shows."""
