"""The parts of the HTTP client in `feeds.fetch`: one question each."""
