"""Tests of the hot folder: its rooms one by one, and the whole of it with a real daemon and real kills."""
