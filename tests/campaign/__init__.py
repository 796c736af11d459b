"""Long runs against the whole bot: killed, raced, worn out, and judged by the oracle."""
