"""The pages about people: search, one person with the proofs, and what is done for them. For officers."""
