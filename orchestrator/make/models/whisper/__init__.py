"""Whisper's audio encoder as a stream of windows."""
