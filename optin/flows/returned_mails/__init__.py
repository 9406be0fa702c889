"""What comes of mails after they were sent: they come back, or their readers complain (O6)."""
