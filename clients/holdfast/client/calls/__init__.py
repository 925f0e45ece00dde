"""The calls of `ChannelClient`, one class and module a noun with its form for threads; the clients inherit them."""
