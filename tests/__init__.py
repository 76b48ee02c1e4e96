"""Tests mirror the rooms; `promises` holds one file per promise of the whole, kept by a real daemon."""
