"""Units on their way between two shops, and what is promised of them."""
