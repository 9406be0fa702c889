"""Bootstrap: the only place that names the real database, mailer and clock."""
