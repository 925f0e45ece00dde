"""Units that are missing: who loses them, and the task to tell him."""
