"""Python environments on a device: wheels resolved and fetched here, pushed by hash, installed there offline."""
