"""The site: the marketer's files, read, checked and rendered."""
