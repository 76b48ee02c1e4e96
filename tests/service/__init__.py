"""The daemon's rooms, one by one, without a worker."""
