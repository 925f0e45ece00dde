"""A shop's opening hours, deadlines, ready times and pickup slots. Pure: no clock, no I/O but the pinned time zones."""
