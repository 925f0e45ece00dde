"""What gateways and actors say to each other: names, messages, and how an actor is reached."""
