"""The site: what the marketer wrote, read, checked and rendered."""
