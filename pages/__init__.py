"""One thin script per screen; shared parts are in pages/ui."""
