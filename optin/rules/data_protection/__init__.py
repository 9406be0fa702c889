"""What statements and papers take from the GDPR as data: countries, deadlines, authorities, lawful bases."""
