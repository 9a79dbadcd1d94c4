"""Parses comments into commands."""
