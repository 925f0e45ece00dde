"""The calls of `ChannelClient`, one class and module a noun; the client inherits them."""
