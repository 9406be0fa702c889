"""Flows of mail and delivery: the queue, the content of mails, and the promised files."""
