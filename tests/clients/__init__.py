"""Promises of the clients, most of them against a scripted daemon (`scripted_daemon`) that needs no network."""
