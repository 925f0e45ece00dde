"""What a customer shows, and a till reads, at the counter."""
