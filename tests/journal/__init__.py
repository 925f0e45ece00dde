"""Every journal sits the same exam; then each is damaged in the ways that its own medium can be."""
