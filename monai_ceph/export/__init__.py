"""The whole system as one file that runs without this package."""

EXTRA = "Install the packages of the extra 'onnx': pip install 'monai-ceph[onnx]'."
"""What to do where they are missing. Here, because nothing has to be imported for it."""
