"""What a prize draw alone does."""
