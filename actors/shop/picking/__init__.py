"""Pick tasks: what staff bring to the counter, what they do not find, and what goes back to the shelf."""
