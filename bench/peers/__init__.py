"""What Holdfast is measured beside: programs of their own, which know nothing of it."""
