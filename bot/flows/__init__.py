"""Durable procedures, one file each; `engine` alone knows how they are made durable."""
