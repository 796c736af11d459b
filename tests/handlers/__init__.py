"""Tests of what each event is translated to."""
