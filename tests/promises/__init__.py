"""What the whole promises, one file per promise: a real daemon, real weights, real sockets, real signals."""
