"""A causal language model of the Qwen2 architecture, token by token, as a stream."""
