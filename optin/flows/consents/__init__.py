"""Flows of a request and its consents: sign up, confirm, resend, renew."""
