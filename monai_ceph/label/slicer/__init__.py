"""What runs inside 3D Slicer, in Slicer's own Python: it imports nothing of this package."""

from __future__ import annotations

from pathlib import Path

SEND_LANDMARKS = Path(__file__).with_name("send_landmarks.py")
"""The program that gives Slicer its button "Send landmarks"."""
