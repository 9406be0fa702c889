"""What a quiz alone does."""
