"""The steps of a run: each reads, checks or publishes, and says so on its line of progress."""
