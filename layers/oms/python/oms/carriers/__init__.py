"""Carriers: how each signs and words its tracking updates. Pure."""
