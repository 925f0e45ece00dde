"""A shop's opening hours, pickup slots and time zone. Pure."""
