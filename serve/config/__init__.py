"""What the service is started with: settings, the chain file, and the environment of every Ray process."""
