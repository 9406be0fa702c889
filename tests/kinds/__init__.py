"""What every kind of magnet must do, and what each one does."""
