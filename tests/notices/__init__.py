"""What customers are told, as pure functions."""
