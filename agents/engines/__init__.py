"""TensorRT engines, which only the GPU that runs them can build."""
