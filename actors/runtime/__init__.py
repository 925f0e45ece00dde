"""What turns pure ledgers and a journal into a service: a clock, group commit, the host, the base of every actor."""
