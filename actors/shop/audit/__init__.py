"""An independent check of a shop's journal: its books, and a module for each capability."""
