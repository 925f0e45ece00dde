"""The gateway without Ray: its real parts over real actors in this process, called with bytes as Serve calls them."""
