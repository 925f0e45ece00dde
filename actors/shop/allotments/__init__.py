"""Units handed to a till or to a channel: who has them, and what comes back."""
