"""The gateway without Ray: real rooms over real actors in this process, called with bytes as Serve calls them."""
