"""Namespace of the contract; see `neuralstyle.v1`."""
