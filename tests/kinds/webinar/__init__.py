"""What a webinar alone does."""
